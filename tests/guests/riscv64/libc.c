/* What programs ask of the C library: printing of numbers, memory, sorting, mathematics, files. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int by_value(const void *left, const void *right) {
  int a = *(const int *)left, b = *(const int *)right;
  return (a > b) - (a < b);
}

static void numbers(void) {
  printf("%d %u %lx %o %c %5.2f|%-8s|%08.3e %g\n", -42, 42u, 0xdeadbeefl, 64, 'x', 3.14159, "left",
         12345.678, 1e-7);
  printf("%.17g %a %La\n", 0.1, 1.0 / 3, 1.0l / 3);
  printf("%ld %.6f\n", strtol("-0x7f", NULL, 0), strtod("2.718281828e0", NULL));
}

static void memory(void) {
  enum { BLOCKS = 200 };
  unsigned char *blocks[BLOCKS] = {0};
  unsigned seed = 1, sum = 0;
  for (int i = 0; i < 2000; i++) {
    seed = seed * 1103515245 + 12345;
    int place = seed >> 16 & 127;
    size_t size = (seed >> 8 & 0xfff) + 1;
    if (seed & 0x80000000) size *= 40;
    blocks[place] = realloc(blocks[place], size);
    if (blocks[place] == NULL) exit(1);
    blocks[place][0] = (unsigned char)i;
    blocks[place][size - 1] = (unsigned char)i;
    sum = sum * 31 + blocks[place][0];
    if (i % 3 == 0) {
      free(blocks[place]);
      blocks[place] = NULL;
    }
  }
  for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
  char *large = calloc(1, 3 << 20);
  printf("memory %u %d\n", sum, large[2 << 20]);
  free(large);
}

static void sorting(void) {
  int values[300], sum = 0;
  for (int i = 0; i < 300; i++) values[i] = i * 7919 % 1009;
  qsort(values, 300, sizeof values[0], by_value);
  for (int i = 0; i < 300; i++) sum = sum * 17 + values[i];
  int key = values[150];
  int *found = bsearch(&key, values, 300, sizeof values[0], by_value);
  printf("sorted %d %ld\n", sum, (long)(found - values));
}

static void mathematics(void) {
  for (double x = 0.5; x < 4; x += 1.25) {
    printf("%.12f %.12f %.12f %.12f %.12f\n", sin(x), exp(x), log(x), pow(x, 1.5), atan2(x, 2));
  }
  printf("%.6f %.6f %d\n", fmod(17.5, 5), hypot(3, 4), isnan(sqrt(-1.0)) != 0);
}

static void texts(void) {
  char text[] = "one,two,,three";
  for (char *part = strtok(text, ","); part != NULL; part = strtok(NULL, ",")) printf("%s ", part);
  printf("%s %d\n", strstr("needle in hay", "in") + 3, strcmp("a", "b") < 0);
}

static void files(int argc, char **argv) {
  struct stat about;
  struct timespec now;
  struct iovec parts[] = {{"two ", 4}, {"parts\n", 6}};
  printf("no file: %d\n", open("/no/such/file", O_RDONLY) < 0 && errno == ENOENT);
  printf("clock: %d, pid: %d\n", clock_gettime(CLOCK_MONOTONIC, &now), getpid() > 0);
  printf("stdout: %d\n", fstat(1, &about));
  fflush(stdout);
  if (writev(1, parts, 2) != 10) exit(2);
  for (int i = 1; i < argc; i++) printf("argument %s\n", argv[i]);
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) printf("read %s", line);
}

int main(int argc, char **argv) {
  numbers();
  memory();
  sorting();
  mathematics();
  texts();
  files(argc, argv);
  return 3;
}
