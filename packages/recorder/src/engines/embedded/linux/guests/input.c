/*
 * Reads its standard input, a pipe, in many ways.
 * Build: riscv64-linux-gnu-gcc -O1 -static -o input input.c
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int main(void) {
  char line[200], a[3], b[4];
  int number;
  struct pollfd input = {0, POLLIN, 0};
  struct iovec places[2] = {{a, 3}, {b, 4}};
  fd_set set;
  struct stat s;
  setvbuf(stdin, NULL, _IONBF, 0);
  printf("poll %d", poll(&input, 1, -1));
  printf(" %x\n", input.revents & POLLIN);
  if (fgets(line, sizeof line, stdin)) printf("line %s", line);
  if (scanf("%d", &number) == 1) printf("number %d\n", number);
  FD_ZERO(&set);
  FD_SET(0, &set);
  printf("select %d\n", select(1, &set, NULL, NULL, NULL));
  long count = readv(0, places, 2), total = 0;
  printf("readv %ld %.3s|%.4s\n", count, a, b);
  while ((count = read(0, line, sizeof line)) > 0) total += count;
  printf("rest %ld end %ld\n", total, count);
  printf("again %zd\n", read(0, line, 10));
  poll(&input, 1, 0);
  printf("poll %x\n", input.revents);
  printf("seek %ld", (long)lseek(0, 0, SEEK_CUR));
  printf(" errno %d\n", errno);
  fstat(0, &s);
  printf("mode %o terminal %d\n", s.st_mode & S_IFMT, isatty(0) + isatty(1));
  printf("write %zd", write(0, "x", 1));
  printf(" errno %d\n", errno);
  fputs("to stderr\n", stderr);
  return 5;
}
