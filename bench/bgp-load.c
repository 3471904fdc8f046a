/*
 * usage: bgp-load [option=value ...] phase[=argument] ...
 *
 * Plays the phases in their order against the route reflector at 127.0.0.1 and prints one line of JSON for each, as soon
 * as it is over. Exit status 0: all were finished and nothing was wrong; 1: not so; 2: usage.
 *
 *   establish        all clients connect, `parallel` at a time
 *   announce         everybody announces everything at once; over when everybody has all of the others
 *   probe=X          X times, in an idle network: one prefix is withdrawn, later announced again; each until all know it
 *   late             one more client connects, and leaves when it has everything
 *   refresh=K        K clients ask for everything again
 *   withdraw=K       K clients withdraw all they have
 *   return=K         they announce it again
 *   churn=KxR@T      every T ms, R times, K clients change all they have: a new MED, or it is gone for one turn
 *   deaf, hear       the last `deaf` clients stop reading, and are not waited for; they read on, until they have everything
 *   drop=K, rejoin=K the connections of K clients end; they come again
 */
#define _GNU_SOURCE
#include "bgp-load.h"
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct options options = { .port = 1790, .hold = 240, .as = 64512, .cluster = 0x0a000001, .clients = 10, .prefixes = 10,
                           .family = 4, .parallel = 8, .seed = 1, .timeout = 120 };
struct client *clients;

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("bgp-load: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(2);
}

void *allocate(void *old, size_t size) {
  void *new = realloc(old, size);
  if (new == NULL) fail("out of memory");
  return new;
}

/* ---- what the phases cost the device, as the kernel counts it */

struct cost {
  double cpu, waited, own_cpu; /* seconds; `waited`: the device could have run, but had no processor */
  long resident_kb, peak_kb;
};

static double waited_of(pid_t pid) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *folder = opendir(path);
  double sum = 0;
  for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
    snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, entry->d_name);
    FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
    unsigned long long ran, waited;
    if (file != NULL && fscanf(file, "%llu %llu", &ran, &waited) == 2) sum += (double)waited / 1e9;
    if (file != NULL) fclose(file);
  }
  if (folder != NULL) closedir(folder);
  return sum;
}

static struct cost read_cost(void) {
  struct cost cost = { 0 };
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  cost.own_cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  if (options.device == 0) return cost;
  /* Finer than the ticks of /proc/PID/stat, and of all threads. */
  clockid_t clock;
  struct timespec time;
  if (clock_getcpuclockid(options.device, &clock) == 0 && clock_gettime(clock, &time) == 0) {
    cost.cpu = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
  }
  cost.waited = waited_of(options.device);
  char line[200];
  snprintf(line, sizeof line, "/proc/%d/status", options.device);
  FILE *file = fopen(line, "r");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    sscanf(line, "VmHWM: %ld", &cost.peak_kb);
    sscanf(line, "VmRSS: %ld", &cost.resident_kb);
  }
  if (file != NULL) fclose(file);
  return cost;
}

/* ---- a phase: its begin, its end, its line */

static const char *phase;
static double started, deadline;
static struct cost cost_before;
static bool is_all_well = true;
static double *samples; /* seconds, of a phase that repeats one event */
static int sample_count;

static void begin(void) {
  memset(&counts, 0, sizeof counts);
  sample_count = 0;
  cost_before = read_cost();
  started = now();
  deadline = started + options.timeout;
}

static bool goes_on(void) { return now() < deadline && lost == 0; }

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/* Seconds until clients were done: the middle one, the last, and the last of those that are never deaf. */
static void print_spread(void) {
  double *times = allocate(NULL, sizeof(double) * (size_t)(options.clients + options.joiners)), readers = 0;
  size_t count = 0;
  for (int at = 0; at < options.clients + options.joiners; at++) {
    if (!clients[at].counts) continue;
    double time = clients[at].done_at > started ? clients[at].done_at - started : 0;
    if (at < options.clients - options.deaf && time > readers) readers = time;
    times[count++] = time;
  }
  qsort(times, count, sizeof *times, compare);
  if (count > 0) printf(",\"p50\":%.6f,\"last\":%.6f,\"readers\":%.6f", times[count / 2], times[count - 1], readers);
  free(times);
}

static void end(bool is_done) {
  double seconds = now() - started;
  struct cost cost = read_cost();
  is_all_well = is_all_well && is_done;
  printf("{\"phase\":\"%s\",\"isDone\":%s,\"seconds\":%.6f", phase, is_done ? "true" : "false", seconds);
  print_spread();
  printf(",\"cpu\":%.6f,\"waited\":%.6f,\"ownCpu\":%.6f", cost.cpu - cost_before.cpu, cost.waited - cost_before.waited,
         cost.own_cpu - cost_before.own_cpu);
  printf(",\"residentKb\":%ld,\"peakKb\":%ld", cost.resident_kb, cost.peak_kb);
  printf(",\"updates\":%llu,\"announced\":%llu,\"withdrawn\":%llu,\"bytes\":%llu,\"reads\":%llu",
         (unsigned long long)counts.updates, (unsigned long long)counts.announced, (unsigned long long)counts.withdrawn,
         (unsigned long long)counts.bytes, (unsigned long long)counts.reads);
  printf(",\"duplicates\":%llu,\"old\":%llu,\"echoes\":%llu", (unsigned long long)counts.duplicates,
         (unsigned long long)counts.old, (unsigned long long)counts.echoes);
  printf(",\"undone\":%d,\"samples\":[", undone);
  for (int at = 0; at < sample_count; at++) printf("%s%.6f", at > 0 ? "," : "", samples[at]);
  printf("]}\n");
  fflush(stdout);
}

/* ---- the phases */

static void all_count(void) {
  for (int at = 0; at < options.clients + options.joiners; at++) {
    table_count(&clients[at], clients[at].state == ESTABLISHED && !clients[at].is_deaf);
  }
}

static bool until_right(void) {
  while (undone > 0 && goes_on()) sessions_turn(deadline);
  return undone == 0 && lost == 0;
}

/* Until nobody has said anything for a while. */
static void until_quiet(double quiet) {
  double latest = now() + 10 + quiet, last = now();
  uint64_t bytes = counts.bytes;
  while (now() < last + quiet && now() < latest) {
    sessions_turn(last + quiet);
    if (counts.bytes != bytes) last = now();
    bytes = counts.bytes;
  }
}

static bool establish(uint32_t first, uint32_t count) {
  while (sessions_connect(first, count) > 0 && goes_on()) sessions_turn(now() + 0.01);
  return sessions_connect(first, count) == 0 && lost == 0;
}

static void tell_all(uint32_t first, uint32_t count, bool is_announced) {
  for (uint32_t at = first; at < first + count; at++) {
    session_announce(&clients[at], at * (uint32_t)options.prefixes, (uint32_t)options.prefixes, is_announced);
    session_flush(&clients[at]);
  }
}

static void change_all(uint32_t count, bool is_announced, uint32_t generation) {
  for (uint32_t at = 0; at < count; at++) table_own(at, is_announced, generation);
}

static bool all_change(uint32_t count, bool is_announced, uint32_t generation) {
  change_all(count, is_announced, generation);
  all_count();
  begin(); /* the sums above are ours, not the device's */
  tell_all(0, count, is_announced);
  return until_right();
}

/* Withdrawn and announced in turns, at times that do not keep step with any timer of the device. */
static bool probe(int events) {
  samples = allocate(samples, sizeof(double) * (size_t)events);
  uint32_t index = 0;
  all_count();
  for (int event = 0; event < events; event++) {
    until_quiet(0.03 + (double)(random() % 20000) / 1e6);
    bool is_announced = event % 2 == 1;
    if (!is_announced) index = (uint32_t)random() % ((uint32_t)options.clients * (uint32_t)options.prefixes);
    struct client *owner = &clients[index / (uint32_t)options.prefixes];
    table_own_one(index, is_announced);
    deadline = now() + options.timeout;
    double start = now();
    session_announce(owner, index, 1, is_announced);
    session_flush(owner);
    if (!until_right()) return false;
    samples[sample_count++] = now() - start;
  }
  return true;
}

static bool late(void) {
  struct client *joiner = &clients[options.clients];
  table_forget(joiner);
  for (int at = 0; at < options.clients + options.joiners; at++) table_count(&clients[at], &clients[at] == joiner);
  begin();
  bool is_done = establish(joiner->number, 1) && until_right();
  end(is_done);
  session_close(joiner, true);
  return is_done;
}

static bool refresh(uint32_t count) {
  for (uint32_t at = 0; at < count; at++) table_doubt(&clients[at]);
  all_count();
  begin();
  for (uint32_t at = 0; at < count; at++) session_refresh(&clients[at]);
  return until_right();
}

/* `seconds` counts from the last change; the others are there for the work they make. */
static bool churn(uint32_t count, int rounds, int milliseconds) {
  uint32_t generation = clients[0].generation;
  all_count();
  double start = now(), last = start;
  for (int round = 0; round < rounds && goes_on(); round++) {
    for (double next = start + round * milliseconds / 1e3; now() < next && goes_on();) sessions_turn(next);
    bool is_announced = round % 3 != 1 || round == rounds - 1;
    if (is_announced) generation++;
    change_all(count, is_announced, generation);
    last = now();
    tell_all(0, count, is_announced);
  }
  bool is_done = until_right();
  started = last;
  return is_done;
}

static void deaf(bool becomes) {
  for (int at = options.clients - options.deaf; at < options.clients; at++) session_hear(&clients[at], !becomes);
  all_count();
}

static bool drop(uint32_t count) {
  for (uint32_t at = 0; at < count; at++) {
    table_own(at, false, clients[at].generation);
    table_count(&clients[at], false);
  }
  for (int at = (int)count; at < options.clients; at++) table_count(&clients[at], true);
  begin();
  for (uint32_t at = 0; at < count; at++) session_close(&clients[at], false);
  return until_right();
}

static bool rejoin(uint32_t count) {
  for (uint32_t at = 0; at < count; at++) table_forget(&clients[at]);
  change_all(count, true, clients[0].generation);
  for (int at = 0; at < options.clients; at++) table_count(&clients[at], true);
  begin();
  if (!establish(0, count)) return false;
  tell_all(0, count, true);
  return until_right();
}

static bool is_phase(const char *word, const char *name, const char **argument) {
  size_t length = strlen(name);
  if (strncmp(word, name, length) != 0 || (word[length] != 0 && word[length] != '=')) return false;
  *argument = word[length] == '=' ? word + length + 1 : "";
  return true;
}

static uint32_t clients_of(const char *argument) {
  int count = atoi(argument);
  if (count < 1 || count > options.clients - options.deaf) fail("%s: between 1 and all clients that hear", phase);
  return (uint32_t)count;
}

static void play(const char *word) {
  static char name[32];
  const char *argument;
  snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
  phase = name;
  until_quiet(0.15);
  begin();
  uint32_t generation = clients[0].generation;
  if (is_phase(word, "establish", &argument)) end(establish(0, (uint32_t)options.clients));
  else if (is_phase(word, "announce", &argument)) end(all_change((uint32_t)options.clients, true, generation));
  else if (is_phase(word, "probe", &argument)) end(probe(atoi(argument)));
  else if (is_phase(word, "late", &argument)) late();
  else if (is_phase(word, "refresh", &argument)) end(refresh(clients_of(argument)));
  else if (is_phase(word, "withdraw", &argument)) end(all_change(clients_of(argument), false, generation));
  else if (is_phase(word, "return", &argument)) end(all_change(clients_of(argument), true, generation));
  else if (is_phase(word, "churn", &argument)) {
    int rounds = 0, milliseconds = 0;
    if (sscanf(argument, "%*dx%d@%d", &rounds, &milliseconds) != 2) fail("churn=CLIENTSxROUNDS@MILLISECONDS");
    end(churn(clients_of(argument), rounds, milliseconds));
  } else if (is_phase(word, "deaf", &argument)) {
    deaf(true);
    end(true);
  } else if (is_phase(word, "hear", &argument)) {
    deaf(false);
    end(until_right());
  } else if (is_phase(word, "drop", &argument)) end(drop(clients_of(argument)));
  else if (is_phase(word, "rejoin", &argument)) end(rejoin(clients_of(argument)));
  else fail("no phase is called %s", word);
}

static bool set_option(const char *word) {
  const char *value = strchr(word, '=');
  char text[20];
  snprintf(text, sizeof text, "%.*s", (int)strcspn(word, "="), word);
  double number = value == NULL ? 0 : atof(value + 1);
  if (strcmp(text, "clients") == 0) options.clients = (int)number;
  else if (strcmp(text, "prefixes") == 0) options.prefixes = (int)number;
  else if (strcmp(text, "family") == 0) options.family = (int)number;
  else if (strcmp(text, "length") == 0) options.length = (int)number;
  else if (strcmp(text, "pack") == 0) options.pack = (int)number;
  else if (strcmp(text, "parallel") == 0) options.parallel = (int)number;
  else if (strcmp(text, "port") == 0) options.port = (uint16_t)number;
  else if (strcmp(text, "as") == 0) options.as = (uint32_t)number;
  else if (strcmp(text, "stuck") == 0) options.deaf = (int)number;
  else if (strcmp(text, "seed") == 0) options.seed = (unsigned)number;
  else if (strcmp(text, "timeout") == 0) options.timeout = number;
  else if (strcmp(text, "device") == 0) options.device = (pid_t)number;
  else return false;
  return true;
}

static void check_options(void) {
  if (options.length == 0) options.length = options.family == 4 ? 32 : 128;
  int low = options.family == 4 ? 8 : 72, high = options.family == 4 ? 32 : 128;
  if ((options.family != 4 && options.family != 6) || options.length < low || options.length > high) fail("family or length");
  double prefixes = (double)options.clients * options.prefixes;
  /* IPv4: from 32.0.0.0 to 63.255.255.255. */
  double room = options.family == 4 ? (double)(1u << 29) / (double)(1u << (32 - options.length)) : 1u << 28;
  if (options.clients < 2 || options.clients > 60000 || options.prefixes < 1 || prefixes > room) fail("too few or too many");
  if (options.deaf < 0 || options.deaf >= options.clients) fail("stuck: fewer than all clients");
}

/* The exit status. */
static int print_end(void) {
  const struct { const char *name; uint64_t count; } kinds[] = {
    { "origin", wrongs.origin }, { "asPath", wrongs.as_path }, { "nextHop", wrongs.next_hop },
    { "localPref", wrongs.local_pref }, { "med", wrongs.med }, { "originatorId", wrongs.originator_id },
    { "clusterList", wrongs.cluster_list }, { "flags", wrongs.flags }, { "unknownAttribute", wrongs.unknown_attribute },
    { "foreignPrefix", wrongs.foreign_prefix }, { "mixedOwners", wrongs.mixed_owners }, { "malformed", wrongs.malformed },
  };
  uint64_t all_wrong = 0;
  bool is_right = is_all_well && lost == 0 && undone == 0;
  printf("{\"phase\":\"end\",\"isDone\":%s,\"lost\":%d,\"lastWords\":\"%s\",\"undone\":%d,\"checked\":%llu,\"kinds\":{",
         is_right ? "true" : "false", lost, last_words, undone, (unsigned long long)checked);
  for (size_t at = 0; at < sizeof kinds / sizeof *kinds; at++) {
    printf("%s\"%s\":%llu", at > 0 ? "," : "", kinds[at].name, (unsigned long long)kinds[at].count);
    all_wrong += kinds[at].count;
  }
  printf("},\"wrong\":%llu,\"firstWrong\":\"%s\"}\n", (unsigned long long)all_wrong, first_wrong);
  return is_right && all_wrong == 0 ? 0 : 1;
}

int main(int count, char **words) {
  int at = 1;
  while (at < count && set_option(words[at])) at++;
  check_options();
  options.joiners = 1;
  for (int word = at; word < count; word++) options.will_be_deaf |= strcmp(words[word], "deaf") == 0;
  signal(SIGPIPE, SIG_IGN);
  srandom(options.seed);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < (rlim_t)options.clients + 20) fail("too few files may be open: %ld", (long)files.rlim_cur);
  clients = calloc((size_t)options.clients + 1, sizeof *clients);
  if (clients == NULL) fail("out of memory");
  sessions_make();
  table_make();
  for (; at < count && lost == 0 && is_all_well; at++) play(words[at]);
  /* Whatever is still on its way may undo what was right. */
  until_quiet(0.2);
  all_count();
  return print_end();
}
