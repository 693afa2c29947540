/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "executed.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring_writer.h"

static bool follows;
static char made[sizeof ring.path]; /* for what is being executed; empty: none. Ring lock. */

static bool read_header(const char *path, struct ring_header *h) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool whole = pread(fd, h, sizeof *h, 0) == (ssize_t)sizeof *h;
  close(fd);
  return whole && h->magic == RING_MAGIC && h->version == RING_VERSION;
}

/* The newest ring that this process has made for what takes its place, and nobody has taken. */
static bool find_made(const char *root, char *path, size_t size) {
  static struct ring_header h;
  const char *slash = strrchr(root, '/');
  size_t folder = slash ? (size_t)(slash - root) : 0;
  char name[256], prefix[256];
  snprintf(name, sizeof name, "%s", slash ? slash + 1 : root);
  size_t stem = strlen(name) > 5 ? strlen(name) - 5 : 0; /* without `.ring` */
  snprintf(prefix, sizeof prefix, "%.*s-%u-", (int)stem, name, (unsigned)getpid());
  char place[512];
  snprintf(place, sizeof place, "%.*s", (int)folder, root);
  DIR *open_folder = opendir(place);
  bool found = false;
  unsigned long long newest = 0;
  for (struct dirent *entry; open_folder && (entry = readdir(open_folder));) {
    if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
    unsigned long long number = strtoull(entry->d_name + strlen(prefix), NULL, 10);
    char candidate[sizeof place + sizeof entry->d_name + 1];
    snprintf(candidate, sizeof candidate, "%s/%s", place, entry->d_name);
    if ((found && number < newest) || !read_header(candidate, &h)) continue;
    if (h.writer_pid != 0 || h.parent_pid != (uint64_t)getpid() || h.ended) continue;
    newest = number;
    found = (size_t)snprintf(path, size, "%s", candidate) < size;
  }
  if (open_folder) closedir(open_folder);
  return found;
}

enum image executed_image(const char *root, char *path, size_t size) {
  static struct ring_header h;
  if (!read_header(root, &h)) return IMAGE_UNRECORDED;
  if (h.writer_pid == 0) return IMAGE_FIRST;
  return find_made(root, path, size) ? IMAGE_EXECUTED : IMAGE_UNRECORDED;
}

void executed_install(void) { follows = true; }

void executed_begins(void) {
  if (!follows) return;
  ring_lock();
  bool makes = made[0] == 0 && !ring.detached && !ring.paused;
  if (makes && !ring_make_child(made, sizeof made, true)) made[0] = 0;
  ring_unlock();
}

/* Whoever has looked at the ring since is told that nobody comes. */
void executed_failed(void) {
  if (!follows) return;
  ring_lock();
  int fd = made[0] != 0 ? open(made, O_WRONLY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    const uint64_t ended = 1;
    off_t at = (off_t)offsetof(struct ring_header, ended);
    if (pwrite(fd, &ended, sizeof ended, at) == (ssize_t)sizeof ended) unlink(made);
    close(fd);
  }
  made[0] = 0;
  ring_unlock();
}
