/* Times libmodsecurity with the requests of a folder: modsecurity RULES FOLDER ROUNDS
   What loading took, then one line a request: name, minimum and median microseconds of a whole transaction, then the
   most memory that the process had. */
#include <dirent.h>
#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1e6 + at.tv_nsec / 1e3;
}

static int by_value(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return (a > b) - (a < b);
}

static void quiet(void *data, const void *message) {
  (void)data;
  (void)message;
}

/* Feeds one raw request through all phases; returns 1 when a rule ended it. */
static int once(ModSecurity *engine, RulesSet *rules, const char *raw, size_t length) {
  Transaction *tx = msc_new_transaction(engine, rules, NULL);
  ModSecurityIntervention it = {200, 0, NULL, NULL, 0};
  char line[8192], method[32], target[4096];
  const char *at = raw, *end = strstr(raw, "\r\n\r\n");
  int ended;
  msc_process_connection(tx, "127.0.0.1", 50000, "127.0.0.1", 80);
  size_t first = strcspn(at, "\r");
  snprintf(line, sizeof line, "%.*s", (int)first, at);
  if (sscanf(line, "%31s %4095s", method, target) != 2) exit(2);
  msc_process_uri(tx, target, method, "1.1");
  for (at += first + 2; at < end; at += strcspn(at, "\r") + 2) {
    size_t name = strcspn(at, ":"), all = strcspn(at, "\r");
    msc_add_n_request_header(tx, (const unsigned char *)at, name, (const unsigned char *)at + name + 2, all - name - 2);
  }
  msc_process_request_headers(tx);
  msc_append_request_body(tx, (const unsigned char *)end + 4, length - (size_t)(end + 4 - raw));
  msc_process_request_body(tx);
  ended = msc_intervention(tx, &it);
  msc_add_response_header(tx, (const unsigned char *)"Content-Type", (const unsigned char *)"text/plain");
  msc_process_response_headers(tx, 200, "HTTP/1.1");
  msc_process_response_body(tx);
  msc_process_logging(tx);
  msc_transaction_cleanup(tx);
  return ended;
}

int main(int count, char **words) {
  if (count != 4) return 2;
  const char *error = NULL;
  ModSecurity *engine = msc_init();
  RulesSet *rules = msc_create_rules_set();
  int rounds = atoi(words[3]);
  double *times = calloc((size_t)rounds, sizeof *times);
  struct dirent *entry;
  DIR *folder = opendir(words[2]);
  msc_set_log_cb(engine, quiet);
  double loading = now();
  if (msc_rules_add_file(rules, words[1], &error) < 0 || !folder || !times) {
    fprintf(stderr, "%s\n", error ? error : "cannot start");
    return 2;
  }
  printf("load: %.0f ms\n", (now() - loading) / 1e3);
  while ((entry = readdir(folder))) {
    char path[4096];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", words[2], entry->d_name);
    FILE *file = fopen(path, "rb");
    char *raw = calloc(1, 1 << 20);
    if (!file || !raw) return 2;
    size_t length = fread(raw, 1, (1 << 20) - 1, file);
    fclose(file);
    int ended = once(engine, rules, raw, length);
    for (int round = 0; round < rounds; round++) {
      double began = now();
      once(engine, rules, raw, length);
      times[round] = now() - began;
    }
    qsort(times, (size_t)rounds, sizeof *times, by_value);
    printf("%s %.1f %.1f %s\n", entry->d_name, times[0], times[rounds / 2], ended ? "blocked" : "passed");
    free(raw);
  }
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage)) return 2;
  printf("memory at most %.1f MB\n", (double)usage.ru_maxrss / 1024);
  return 0;
}
