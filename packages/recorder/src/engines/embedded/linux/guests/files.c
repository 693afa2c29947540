/*
 * What a program can do with files: results and errors of each call, in the current folder, which
 * must be empty, writable and not the root's.
 * Build: riscv64-linux-gnu-gcc -O1 -static -o files files.c
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

static long told(const char *what, long result) {
  if (result < 0) printf("%s: %ld errno %d\n", what, result, errno);
  else printf("%s: %ld\n", what, result);
  return result;
}
#define TELL(call) told(#call, (long)(call))

static void print_stat(const char *what, const struct stat *s) {
  printf("%s: mode %o links %lu size %ld blocks %d own %d\n", what, s->st_mode,
         S_ISDIR(s->st_mode) ? 0 : (unsigned long)s->st_nlink,
         S_ISREG(s->st_mode) || S_ISLNK(s->st_mode) ? (long)s->st_size : -1L, s->st_blocks > 0,
         s->st_uid == getuid());
}

static void basics(void) {
  char bytes[64] = "";
  struct stat s;
  int fd = TELL(open("one", O_RDWR | O_CREAT | O_EXCL, 0640));
  TELL(write(fd, "hello world", 11));
  TELL(open("one", O_RDWR | O_CREAT | O_EXCL, 0640));
  TELL(lseek(fd, 6, SEEK_SET));
  TELL(read(fd, bytes, 64));
  puts(bytes);
  TELL(read(fd, bytes, 64));
  TELL(lseek(fd, -3, SEEK_END));
  TELL(lseek(fd, -30, SEEK_CUR));
  TELL(lseek(fd, 0, 9));
  TELL(pread(fd, bytes, 5, 2));
  printf("%.5s\n", bytes);
  TELL(pread(fd, bytes, 5, -1));
  TELL(pwrite(fd, "HE", 2, 0));
  TELL(lseek(fd, 0, SEEK_CUR));
  TELL(fstat(fd, &s));
  print_stat("one", &s);
  TELL(ftruncate(fd, 4));
  TELL(fstat(fd, &s));
  print_stat("one", &s);
  TELL(ftruncate(fd, -1));
  TELL(pwrite(fd, "!", 1, 5000));
  TELL(fstat(fd, &s));
  print_stat("one", &s);
  TELL(fsync(fd));
  TELL(fdatasync(fd));
  TELL(close(fd));
  TELL(close(fd));
  TELL(read(fd, bytes, 1));
  fd = TELL(open("one", O_WRONLY | O_APPEND));
  TELL(read(fd, bytes, 1));
  TELL(lseek(fd, 0, SEEK_SET));
  TELL(write(fd, "end", 3));
  TELL(lseek(fd, 0, SEEK_CUR));
  TELL(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND));
  close(fd);
  fd = TELL(open("one", O_RDONLY | O_CLOEXEC));
  TELL(write(fd, "x", 1));
  TELL(fcntl(fd, F_GETFD));
  TELL(ftruncate(fd, 0));
  TELL(read(fd, (void *)8, 1));
  TELL(write(1, (void *)8, 1));
  close(fd);
  TELL(open("none", O_RDONLY));
  TELL(open("one/two", O_RDONLY));
  TELL(open("", O_RDONLY));
  TELL(open((char *)8, O_RDONLY));
  TELL(open(".", O_RDWR));
  TELL(open("one", O_RDONLY | O_DIRECTORY));
  TELL(open("one/", O_RDONLY));
  TELL(truncate("one", 3));
  TELL(stat("one", &s));
  print_stat("one", &s);
  fd = open("one", O_WRONLY | O_TRUNC);
  TELL(fstat(fd, &s));
  print_stat("one", &s);
  close(fd);
}

static void vectors(void) {
  char a[4], b[8], c[3];
  struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdefgh", 6}};
  struct iovec in[3] = {{a, 3}, {b, 2}, {c, 3}};
  int fd = open("vectors", O_RDWR | O_CREAT, 0600);
  TELL(writev(fd, out, 3));
  TELL(lseek(fd, 0, SEEK_SET));
  TELL(readv(fd, in, 3));
  printf("%.3s|%.2s|%.3s\n", a, b, c);
  TELL(preadv(fd, in, 2, 4));
  printf("%.3s|%.1s\n", a, b);
  TELL(pwritev(fd, out, 3, 20));
  TELL(writev(fd, out, -1));
  TELL(writev(fd, out, 2000));
  out[1].iov_len = -1;
  TELL(writev(fd, out, 3));
  int other = open("copy", O_RDWR | O_CREAT, 0600);
  off_t at = 1;
  TELL(sendfile(other, fd, &at, 5));
  printf("at %ld\n", (long)at);
  TELL(pread(other, b, 8, 0));
  printf("%.5s\n", b);
  TELL(posix_fallocate(other, 0, 100));
  TELL(lseek(other, 0, SEEK_END));
  close(fd), close(other);
}

static void names(void) {
  char bytes[256];
  struct stat s;
  TELL(mkdir("folder", 0751));
  TELL(mkdir("folder", 0751));
  TELL(mkdir("none/folder", 0751));
  TELL(symlink("one", "link"));
  TELL(symlink("folder", "into"));
  TELL(symlink("loop", "loop"));
  TELL(symlink("nowhere", "dangling"));
  TELL(close(open("folder/a", O_CREAT | O_WRONLY, 0666)));
  TELL(close(open("into/b", O_CREAT | O_WRONLY, 0666)));
  TELL(open("loop", O_RDONLY));
  TELL(open("dangling", O_RDONLY));
  TELL(open("link", O_RDONLY | O_NOFOLLOW));
  TELL(open("dangling", O_CREAT | O_EXCL | O_WRONLY, 0600));
  TELL(readlink("link", bytes, sizeof bytes));
  TELL(readlink("one", bytes, sizeof bytes));
  TELL(readlink("into", bytes, 3));
  printf("%.3s\n", bytes);
  TELL(lstat("link", &s));
  print_stat("link", &s);
  TELL(stat("into", &s));
  print_stat("into", &s);
  TELL(lstat("into/", &s));
  print_stat("into/", &s);
  TELL(stat("dangling", &s));
  TELL(access("one", R_OK | W_OK));
  TELL(access("one", X_OK));
  TELL(access("none", F_OK));
  TELL(access("folder", X_OK));
  TELL(rename("folder/a", "folder/c"));
  TELL(rename("folder/none", "x"));
  TELL(syscall(SYS_renameat2, AT_FDCWD, "folder/c", AT_FDCWD, "folder/b", 1));
  TELL(link("folder/c", "folder/d"));
  TELL(stat("folder/d", &s));
  print_stat("folder/d", &s);
  TELL(unlink("folder"));
  TELL(rmdir("folder"));
  TELL(rmdir("one"));
  TELL(unlink("folder/d"));
  TELL(unlink("folder/none"));
  TELL(chmod("folder/c", 0400));
  TELL(stat("folder/c", &s));
  print_stat("folder/c", &s);
  TELL(umask(077));
  TELL(umask(022));
  struct timespec times[2] = {{1000, 0}, {2000, 0}};
  TELL(utimensat(AT_FDCWD, "folder/c", times, 0));
  TELL(stat("folder/c", &s));
  printf("times %ld %ld\n", s.st_atim.tv_sec, s.st_mtim.tv_sec);
  char long_name[300];
  memset(long_name, 'x', 299);
  long_name[299] = 0;
  TELL(open(long_name, O_RDONLY));
  TELL(open(long_name, O_RDONLY | O_CREAT, 0600));
  TELL(mknod("fifo", S_IFIFO | 0600, 0) == 0 || errno == EPERM);
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void folders(void) {
  char cwd[4096], *list[32];
  struct dirent *entry;
  struct stat s;
  int count = 0;
  DIR *open_folder = opendir("folder");
  while ((entry = readdir(open_folder)) != NULL) {
    asprintf(&list[count++], "%s type %d", entry->d_name, entry->d_type);
  }
  qsort(list, count, sizeof list[0], by_name);
  for (int i = 0; i < count; i++) puts(list[i]);
  rewinddir(open_folder);
  TELL(readdir(open_folder) != NULL);
  int fd = dirfd(open_folder);
  TELL(fstatat(fd, "b", &s, 0));
  print_stat("b", &s);
  TELL(fstatat(fd, "", &s, AT_EMPTY_PATH));
  print_stat("folder", &s);
  TELL(openat(fd, "../one", O_RDONLY));
  TELL(chdir("into"));
  TELL(getcwd(cwd, sizeof cwd) != NULL);
  puts(strrchr(cwd, '/'));
  TELL(getcwd(cwd, 2) != NULL);
  TELL(chdir("../one"));
  TELL(chdir(".."));
  TELL(access("one", F_OK));
  TELL(fchdir(fd));
  TELL(access("b", F_OK));
  TELL(syscall(SYS_getdents64, fd, cwd, 10));
  closedir(open_folder);
  TELL(chdir(".."));
  struct statx x;
  TELL(statx(AT_FDCWD, "folder/b", 0, STATX_BASIC_STATS, &x));
  printf("statx %o %lu\n", x.stx_mode, (unsigned long)x.stx_size);
  struct statfs fs;
  TELL(statfs("folder", &fs));
  TELL(fs.f_namelen);
  TELL(statfs("none", &fs));
}

static void descriptors(void) {
  char bytes[100];
  int ends[2], size = -1;
  TELL(pipe2(ends, O_CLOEXEC));
  TELL(fcntl(ends[0], F_GETFD));
  TELL(write(ends[1], "abcdef", 6));
  TELL(ioctl(ends[0], FIONREAD, &size));
  TELL(size);
  int other = TELL(dup(ends[0]));
  TELL(read(other, bytes, 4));
  TELL(dup2(ends[0], 20));
  TELL(dup3(ends[0], ends[0], 0));
  TELL(dup2(ends[0], -1));
  TELL(dup2(90, 21));
  TELL(close(other));
  TELL(read(20, bytes, 100));
  TELL(fcntl(ends[0], F_SETFL, O_NONBLOCK));
  TELL(read(20, bytes, 100));
  struct pollfd list[4] = {
      {20, POLLIN, 0}, {ends[1], POLLOUT, 0}, {-1, POLLIN, 9}, {77, POLLIN, 0}};
  TELL(poll(list, 4, 0));
  printf("poll %x %x %x %x\n", list[0].revents, list[1].revents, list[2].revents,
         list[3].revents);
  write(ends[1], "x", 1);
  fd_set in, out;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_SET(20, &in);
  FD_SET(ends[1], &out);
  TELL(select(40, &in, &out, NULL, NULL));
  printf("select %d %d\n", FD_ISSET(20, &in), FD_ISSET(ends[1], &out));
  // Below 64: Linux ignores bits above the size of a process's table, which a host may have grown.
  FD_SET(50, &in);
  TELL(select(60, &in, NULL, NULL, &(struct timeval){0, 0}));
  TELL(lseek(20, 0, SEEK_SET));
  TELL(pread(20, bytes, 1, 0));
  TELL(ioctl(20, TIOCGWINSZ, bytes));
  TELL(isatty(20));
  struct stat s;
  TELL(fstat(20, &s));
  printf("mode %o\n", s.st_mode);
  TELL(close(ends[1]));
  TELL(read(20, bytes, 100));
  TELL(read(20, bytes, 100));
  TELL(poll(list, 1, 100));
  printf("poll %x\n", list[0].revents);
  TELL(close(20));
  TELL(close(ends[0]));
}

static void events(void) {
  uint64_t value = 0;
  int event = TELL(eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE));
  TELL(read(event, &value, 8));
  TELL((long)value);
  value = 5;
  TELL(write(event, &value, 8));
  TELL(read(event, &value, 4));
  int epoll = TELL(epoll_create1(0));
  struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = 42}, got[4];
  TELL(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted));
  TELL(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &wanted));
  TELL(epoll_wait(epoll, got, 4, 0));
  printf("event %x %lu\n", got[0].events, (unsigned long)got[0].data.u64);
  wanted.events = EPOLLIN | EPOLLET;
  TELL(epoll_ctl(epoll, EPOLL_CTL_MOD, event, &wanted));
  TELL(epoll_wait(epoll, got, 4, 0));
  TELL(epoll_wait(epoll, got, 4, 0));
  TELL(epoll_ctl(epoll, EPOLL_CTL_DEL, event, NULL));
  TELL(epoll_ctl(epoll, EPOLL_CTL_DEL, event, NULL));
  int file = open("one", O_RDONLY);
  TELL(epoll_ctl(epoll, EPOLL_CTL_ADD, file, &wanted));
  TELL(fcntl(file, F_DUPFD, 50));
  TELL(fcntl(file, F_DUPFD_CLOEXEC, 50));
  TELL(fcntl(file, 999));
  TELL(syscall(SYS_close_range, 50, 51, 0));
  TELL(fcntl(50, F_GETFD));
}

static void devices(void) {
  unsigned char bytes[8] = {1, 1, 1, 1};
  char path[4096];
  struct stat s;
  int fd = TELL(open("/dev/null", O_RDWR));
  TELL(write(fd, "abc", 3));
  TELL(read(fd, bytes, 8));
  fd = TELL(open("/dev/zero", O_RDONLY));
  TELL(read(fd, bytes, 8));
  TELL(bytes[0] + bytes[7]);
  fd = TELL(open("/dev/full", O_WRONLY));
  TELL(write(fd, "abc", 3));
  /* qemu-riscv64 keeps one of the numbers for itself. */
  fd = open("/dev/urandom", O_RDONLY);
  TELL(read(fd, bytes, 8));
  TELL(stat("/dev/null", &s));
  printf("null %o %lx\n", s.st_mode, (unsigned long)s.st_rdev);
  long length = readlink("/proc/self/exe", path, sizeof path);
  TELL(length > 0 && strcmp(strrchr(path, '/') + 1, "files") == 0);
  fd = open("/proc/self/exe", O_RDONLY);
  TELL(read(fd, bytes, 4));
  TELL(memcmp(bytes, "\177ELF", 4));
  TELL(stat("/proc/self/fd/1", &s) == 0 || errno == ENOENT);
}

static void mapped(void) {
  int fd = open("map", O_RDWR | O_CREAT, 0600);
  char big[5000];
  memset(big, 'm', sizeof big);
  write(fd, big, sizeof big);
  char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  TELL(private != MAP_FAILED);
  printf("%c %d %d\n", private[4999], private[5000], private[8191]);
  private[0] = 'P';
  TELL(pread(fd, big, 1, 0));
  TELL(big[0]);
  int reader = open("map", O_RDONLY);
  char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader, 4096);
  TELL(shared != MAP_FAILED);
  printf("%c %d\n", shared[0], shared[4000]);
  TELL(mprotect(shared, 4096, PROT_READ | PROT_WRITE));
  TELL((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
  TELL((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 99, 0));
  TELL((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, reader, 100));
  TELL((long)mmap(NULL, 0, PROT_READ, MAP_PRIVATE, reader, 0));
  TELL((long)mmap(NULL, 4096, PROT_READ, 0, reader, 0));
  int writer = open("map", O_WRONLY);
  TELL((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, writer, 0));
  TELL(munmap(private, 8192));
}

int main(void) {
  setvbuf(stdout, NULL, _IOFBF, 1 << 16);
  umask(022);
  basics();
  vectors();
  names();
  folders();
  descriptors();
  events();
  devices();
  mapped();
  return 0;
}
