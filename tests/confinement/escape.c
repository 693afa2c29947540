/*
 * Tries to reach what lies outside of the folders that it was given, and says how each try ended.
 * Arguments: the absolute path of a folder outside, which holds the file "secret"; then a folder
 * that may be written to, or "-"; then anything, if this program is "bin/secret" in that folder. In
 * the current folder: "file", "out" (a link to the folder outside), "up" (a link to "../outside"),
 * "in/file".
 * Build: riscv64-linux-gnu-gcc -O1 -static -o escape escape.c
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *outside, *writable;

static void tell(const char *what, long result) {
  printf("%s: %s\n", what, result >= 0 ? "done" : strerrorname_np(errno));
}

/* What was opened must not be the secret. */
static void tell_open(const char *what, int file) {
  char bytes[64] = "";
  if (file < 0 || read(file, bytes, sizeof bytes - 1) < 0) tell(what, -1);
  else printf("%s: read \"%.6s\"\n", what, bytes);
  if (file >= 0) close(file);
}

/* `folder/name`; good for a few calls. */
static const char *in(const char *folder, const char *name) {
  static char paths[4][4096];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  return path;
}

static void read_outside(void) {
  tell_open("absolute", open(in(outside, "secret"), O_RDONLY));
  tell_open("parent", open("../outside/secret", O_RDONLY));
  tell_open("many parents", open("../../../../../../../../../../etc/passwd", O_RDONLY));
  tell_open("inside and up", open("in/../../outside/secret", O_RDONLY));
  tell_open("link", open("out/secret", O_RDONLY));
  tell_open("relative link", open("up/secret", O_RDONLY));
  tell_open("link to follow", open("out", O_RDONLY | O_DIRECTORY));
  tell_open("proc root", open(in("/proc/self/root", in(outside, "secret")), O_RDONLY));
  tell_open("proc cwd", open("/proc/self/cwd/../outside/secret", O_RDONLY));
  tell_open("proc of another", open("/proc/1/root/etc/passwd", O_RDONLY));
  tell_open("proc mem", open("/proc/self/mem", O_RDWR));
  tell_open("disk", open("/dev/sda", O_RDONLY));
  int here = open(".", O_RDONLY | O_DIRECTORY);
  tell_open("at parent", openat(here, "../outside/secret", O_RDONLY));
  tell_open("at absolute", openat(here, in(outside, "secret"), O_RDONLY));
  struct stat stat;
  tell("stat", fstatat(here, in(outside, "secret"), &stat, 0));
  tell("access", faccessat(here, "../outside/secret", F_OK, 0));
  char target[4096];
  tell("readlink outside", readlink(in(outside, "link"), target, sizeof target));
  int above = open("..", O_RDONLY | O_DIRECTORY);
  tell_open("from above", openat(above, "outside/secret", O_RDONLY));
  DIR *folder = fdopendir(above);
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (strstr(entry->d_name, "outside") != NULL) puts("above: outside is listed");
  }
  tell("chdir outside", chdir(outside));
  tell("fchdir above", fchdir(dirfd(folder)));
  tell_open("after that", open("outside/secret", O_RDONLY));
  fchdir(here);
  tell("chroot", chroot(".."));
  tell("mount", syscall(SYS_mount, outside, "in", NULL, 4096, NULL));
  tell("unshare", syscall(SYS_unshare, 0x10000000));
  tell("handle", syscall(SYS_open_by_handle_at, here, outside, O_RDONLY));
}

static void write_outside(void) {
  tell("create", open(in(outside, "new"), O_CREAT | O_WRONLY, 0600));
  tell("create above", open("../new", O_CREAT | O_WRONLY, 0600));
  tell("create by link", open("out/new", O_CREAT | O_WRONLY, 0600));
  tell("overwrite", open(in(outside, "secret"), O_WRONLY | O_TRUNC));
  tell("truncate", truncate(in(outside, "secret"), 0));
  tell("mkdir", mkdir(in(outside, "new"), 0700));
  tell("mkdir by link", mkdir("out/new", 0700));
  tell("unlink", unlink(in(outside, "secret")));
  tell("rmdir", rmdir(outside));
  tell("chmod", chmod(in(outside, "secret"), 0777));
  tell("symlink", symlink("x", in(outside, "new")));
  tell("mknod", mknod(in(outside, "new"), S_IFREG | 0600, 0));
  tell("socket file", syscall(SYS_mknodat, AT_FDCWD, "fifo", S_IFIFO | 0600, 0));
  tell("temporary file", open(outside, O_TMPFILE | O_RDWR, 0600));
}

/* What may be read is not to be changed either. */
static void write_read_only(void) {
  tell("create here", open("new", O_CREAT | O_WRONLY, 0600));
  tell("write here", open("file", O_WRONLY));
  tell("append here", open("file", O_RDWR | O_APPEND));
  tell("truncate at opening", open("file", O_RDONLY | O_TRUNC));
  tell("truncate here", truncate("file", 1));
  tell("unlink here", unlink("file"));
  tell("rename here", rename("file", "new"));
  tell("mkdir here", mkdir("new", 0700));
  tell("link here", link("file", "new"));
  tell("temporary file here", open(".", O_TMPFILE | O_RDWR, 0600));
  int file = open("file", O_RDONLY);
  tell("chmod of an open file", fchmod(file, 0777));
  tell("truncate an open file", ftruncate(file, 1));
  tell("write to an open file", write(file, "x", 1));
  tell("write by proc", open(in("/proc/self/fd", (char[]){(char)('0' + file), 0}), O_RDWR));
  void *bytes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  tell("shared mapping", bytes == MAP_FAILED ? -1 : 0);
  bytes = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
  tell("made writable", mprotect(bytes, 4096, PROT_READ | PROT_WRITE));
}

/* With one folder that may be written to: names across its border, and folders that move. */
static void across(void) {
  if (chdir(writable) != 0) return tell("chdir", -1);
  int file = open("own", O_CREAT | O_RDWR, 0600);
  tell("own file", write(file, "own", 3));
  tell("with its owner's rights", fchmod(file, 06755));
  tell("rename out", rename("own", in(outside, "own")));
  tell("rename above", rename("own", "../own"));
  tell("rename in", rename(in(outside, "secret"), "secret"));
  tell("rename in, from above", rename("../file", "taken"));
  tell("link out", link("own", in(outside, "own")));
  tell("link in", link(in(outside, "secret"), "secret"));
  tell("link in, from above", link("../file", "taken"));
  symlink(in(outside, "secret"), "to-secret");
  symlink(outside, "to-outside");
  tell_open("own link", open("to-secret", O_RDONLY));
  tell("write by own link", open("to-secret", O_WRONLY));
  tell("create by own link", open("to-outside/new", O_CREAT | O_WRONLY, 0600));
  tell("hard link to a link", linkat(AT_FDCWD, "to-secret", AT_FDCWD, "hard", AT_SYMLINK_FOLLOW));
  tell("chmod by own link", chmod("to-secret", 0777));

  /* A folder is open, and current, while a link to the outside takes a name on its path. */
  mkdir("a", 0700), mkdir("a/outside", 0700), mkdir("a/outside/deep", 0700);
  close(open("a/outside/mine", O_CREAT | O_WRONLY, 0600));
  int open_folder = open("a/outside", O_RDONLY | O_DIRECTORY);
  int unread = open("a/outside", O_RDONLY | O_DIRECTORY);
  if (chdir("a/outside") != 0) tell("chdir", -1);
  tell("move it", rename(in(writable, "a"), in(writable, "moved")));
  char above[4096];
  snprintf(above, sizeof above, "%s/..", outside);
  tell("link in its place", symlink(above, in(writable, "a")));
  tell_open("open folder", openat(open_folder, "secret", O_RDONLY));
  tell("made in the open folder", openat(open_folder, "new", O_CREAT | O_WRONLY, 0600));
  tell("folder made in it", mkdirat(open_folder, "new-folder", 0700));
  tell_open("current folder", open("secret", O_RDONLY));
  tell("made in the current folder", open("new2", O_CREAT | O_WRONLY, 0600));
  tell("its own files", access("mine", F_OK));
  tell("back up", access("../../own", F_OK));
  DIR *folder = fdopendir(unread);
  int names = 0;
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL; names++) {
    if (strcmp(entry->d_name, "secret") == 0) puts("the secret is listed");
  }
  printf("%d names\n", names);
  tell("where", getcwd(above, sizeof above) == NULL ? -1 : 0);
  printf("%s\n", strrchr(above, '/') - 6);

  /* The same with a folder that is gone. */
  chdir(writable);
  mkdir("b", 0700), mkdir("b/outside", 0700);
  int gone = open("b/outside", O_RDONLY | O_DIRECTORY);
  chdir("b/outside");
  tell("remove it", rmdir(in(writable, "b/outside")));
  rmdir(in(writable, "b"));
  snprintf(above, sizeof above, "%s/..", outside);
  symlink(above, in(writable, "b"));
  tell_open("folder that is gone", openat(gone, "secret", O_RDONLY));
  tell("made in it", openat(gone, "new", O_CREAT | O_WRONLY, 0600));
  tell_open("current folder that is gone", open("secret", O_RDONLY));
}

/* The program itself is read by a name of its own, whatever now stands where it was. */
static void program(void) {
  tell_open("program", open("/proc/self/exe", O_RDONLY));
  if (chdir(writable) != 0 || rename("bin", "was-bin") != 0) return tell("rename bin", -1);
  tell("link in place of bin", symlink(outside, "bin"));
  tell_open("program now", open("/proc/self/exe", O_RDONLY));
}

/* The recorder writes to "links/trace" in the writable folder; "links" leads to "real/deep". */
static void trace(void) {
  if (chdir(writable) != 0) return tell("chdir", -1);
  tell_open("manifest", open("links/trace/manifest.partial.json", O_RDONLY));
  tell_open("by its real name", open("real/deep/trace/segments.arrow", O_RDONLY));
  tell("made in it", open("links/trace/new", O_CREAT | O_WRONLY, 0600));
  tell("made over it", mkdir("real/deep/trace", 0700));
  tell("move what is in it", rename("real/deep/trace/transfers", "transfers"));
  tell("move it", rename("real/deep/trace", "taken"));
  tell("move its folder", rename("real/deep", "taken"));
  tell("move the folder above", rename("real", "taken"));
  tell("move the link", rename("links", "taken"));
  tell("remove the link", unlink("links"));
  symlink(outside, "other");
  tell("another link over it", rename("other", "links"));
  tell("another folder over it", rename("bin", "real/deep/trace"));
  DIR *folder = opendir("real/deep");
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    if (entry->d_name[0] != '.') printf("there is %s\n", entry->d_name);
  }
  tell("beside it", open("real/deep/new", O_CREAT | O_WRONLY, 0600));
}

int main(int argc, char **argv) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  outside = argv[1];
  writable = argc > 2 ? argv[2] : "-";
  if (argc > 3 && strcmp(argv[3], "trace") == 0) return trace(), 0;
  read_outside();
  write_outside();
  write_read_only();
  if (writable[0] != '-') across();
  if (argc > 3) program();
  return 0;
}
