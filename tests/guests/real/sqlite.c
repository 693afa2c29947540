/*
 * A shell around SQLite (cordova-sqlite-storage-dependencies brings its sources): runs the SQL on
 * standard input on the database that is named, or on one in memory, and prints all rows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite3.h"

static char *read_all(void) {
  size_t size = 0, room = 4096;
  char *text = malloc(room + 1);
  for (size_t got; (got = fread(text + size, 1, room - size, stdin)) > 0;) {
    size += got;
    if (size == room) text = realloc(text, (room *= 2) + 1);
  }
  text[size] = 0;
  return text;
}

/* One statement; where the next begins. */
static const char *run(sqlite3 *database, const char *sql) {
  sqlite3_stmt *statement;
  const char *rest;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, &rest) != SQLITE_OK) {
    printf("error: %s\n", sqlite3_errmsg(database));
    const char *end = strchr(sql, ';');
    return end == NULL ? sql + strlen(sql) : end + 1;
  }
  /* Blanks and comments at the end. */
  if (statement == NULL) return rest;
  int status;
  while ((status = sqlite3_step(statement)) == SQLITE_ROW) {
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
      const unsigned char *text = sqlite3_column_text(statement, i);
      printf("%s%s", i == 0 ? "" : "|", text == NULL ? "NULL" : (const char *)text);
    }
    printf("\n");
  }
  if (status != SQLITE_DONE) printf("error: %s\n", sqlite3_errmsg(database));
  sqlite3_finalize(statement);
  return rest;
}

int main(int argc, char **argv) {
  sqlite3 *database;
  char *sql = read_all();
  if (sqlite3_open(argc > 1 ? argv[1] : ":memory:", &database) != SQLITE_OK) {
    printf("error: %s\n", sqlite3_errmsg(database));
    return 1;
  }
  for (const char *at = sql; *at != 0;) at = run(database, at);
  printf("changes %d\n", sqlite3_total_changes(database));
  return sqlite3_close(database) == SQLITE_OK ? 0 : 2;
}
