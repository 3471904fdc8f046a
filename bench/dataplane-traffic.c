// The traffic of `npm run bench -- dataplane`, in namespaces that are there already. cc -O2 -o dataplane-traffic dataplane-traffic.c
//
//   dataplane-traffic serve NETNS CPU PORT       tells "ready" and the ids of its four processes:
//     PORT    TCP, an octet for every octet      PORT+1  UDP, counts; one octet asks how many since the last time
//     PORT+2  TCP, swallows what comes           PORT+3  as PORT+1: for a port that no policy allows
//   dataplane-traffic ask     NETNS CPU ADDRESS PORT SECONDS SERVER   one octet there and one back, on one connection
//   dataplane-traffic connect NETNS CPU ADDRESS PORT SECONDS SERVER   the same with a connection for each
//   dataplane-traffic packets NETNS CPU ADDRESS PORT SECONDS SERVER   UDP in frames of 64 octets; those that arrived
//   dataplane-traffic bulk    NETNS CPU ADDRESS PORT SECONDS SERVER   TCP; octets that were acknowledged
//   dataplane-traffic once    NETNS CPU ADDRESS PORT COUNT PATIENCE   datagrams, one after the other, each waited for so long (ms); answers
//   dataplane-traffic offload NETNS LINK on|off                       what a card does for its host: TSO, GSO; GRO stays on
//
// NETNS is a path. CPU counts those that this process may use. SERVER is the id of the process behind PORT: its processor
// seconds are told too. Every run ends by itself, at the latest ten seconds behind its time.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { burst = 64, frame_payload = 18, bulk_octets = 1 << 17 };
static const int yes = 1;

static double seconds_of(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) != 0) err(1, "clock");
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void enter(const char *netns) {
  int fd = open(netns, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) err(1, "%s", netns);
  close(fd);
}

/** The one at this place among those that are allowed, beginning anew behind the last. */
static void pin(int place) {
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) err(1, "sched_getaffinity");
  place %= CPU_COUNT(&allowed);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || place-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) err(1, "sched_setaffinity");
    return;
  }
}

/** A socket to this address, or, without one, on all of both families. */
static int open_socket(int type, const char *address, int port) {
  struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int is_four = address != NULL && strchr(address, ':') == NULL;
  struct sockaddr *name = is_four ? (struct sockaddr *)&four : (struct sockaddr *)&six;
  socklen_t length = is_four ? sizeof four : sizeof six;
  int fd = socket(name->sa_family, type | SOCK_CLOEXEC, 0);
  if (fd < 0) err(1, "socket");
  if (address == NULL) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, name, length) != 0) err(1, "port %d", port);
    if (type == SOCK_STREAM && listen(fd, 1024) != 0) err(1, "listen");
    return fd;
  }
  void *into = is_four ? (void *)&four.sin_addr : (void *)&six.sin6_addr;
  if (inet_pton(name->sa_family, address, into) != 1) errx(2, "%s is no address", address);
  if (type == SOCK_STREAM) {
    struct timeval patience = {5, 0};
    struct linger reset = {1, 0};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    /* Closing by a reset leaves no port behind in TIME_WAIT: there would not be enough of them. */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  if (connect(fd, name, length) != 0) err(1, "connecting to %s port %d", address, port);
  return fd;
}

static void serve_echo(int port) {
  int listener = open_socket(SOCK_STREAM, NULL, port);
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    char octets[256];
    for (ssize_t length; (length = read(fd, octets, sizeof octets)) > 0;)
      if (write(fd, octets, (size_t)length) != length) break;
    close(fd);
  }
}

static void serve_sink(int port) {
  static char octets[1 << 18];
  int listener = open_socket(SOCK_STREAM, NULL, port);
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    while (fd >= 0 && read(fd, octets, sizeof octets) > 0) continue;
    if (fd >= 0) close(fd);
  }
}

static void serve_counter(int port) {
  static char octets[burst][64];
  struct mmsghdr messages[burst];
  struct iovec parts[burst];
  struct sockaddr_in6 senders[burst];
  int fd = open_socket(SOCK_DGRAM, NULL, port), room = 1 << 22;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  for (uint64_t count = 0;;) {
    for (int i = 0; i < burst; i++) {
      parts[i] = (struct iovec){octets[i], sizeof octets[i]};
      messages[i].msg_hdr = (struct msghdr){
          .msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = &senders[i], .msg_namelen = sizeof senders[i]};
    }
    int length = recvmmsg(fd, messages, burst, MSG_WAITFORONE, NULL);
    for (int i = 0; i < length; i++) {
      if (messages[i].msg_len != 1) count++;
      else if (sendto(fd, &count, sizeof count, 0, (void *)&senders[i], messages[i].msg_hdr.msg_namelen) > 0) count = 0;
    }
  }
}

static void serve(int port) {
  void (*const services[])(int) = {serve_echo, serve_counter, serve_sink, serve_counter};
  signal(SIGPIPE, SIG_IGN);
  printf("ready");
  for (int i = 0; i < 4; i++) {
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) err(1, "fork");
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      services[i](port + i);
    }
    printf(" %d", pid);
  }
  printf("\n");
  fflush(stdout);
  /* Whoever started it holds the other end, and is gone when it ends. */
  for (char octet; read(0, &octet, 1) > 0;) continue;
}

/** What is told of a run. */
struct result {
  double operations, seconds, client_cpu, server_cpu;
};

struct run {
  const char *address;
  int port;
  double seconds;
  clockid_t server;
};

static struct result begin(const struct run *run) {
  return (struct result){0, -seconds_of(CLOCK_MONOTONIC), -seconds_of(CLOCK_PROCESS_CPUTIME_ID), -seconds_of(run->server)};
}

static void end(struct result *result, const struct run *run) {
  result->seconds += seconds_of(CLOCK_MONOTONIC);
  result->client_cpu += seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  result->server_cpu += seconds_of(run->server);
}

static int is_over(const struct result *result, const struct run *run) {
  return result->seconds + seconds_of(CLOCK_MONOTONIC) >= run->seconds;
}

static void ask_one(int fd) {
  char octet = 0;
  if (write(fd, &octet, 1) != 1 || read(fd, &octet, 1) != 1) err(1, "no answer");
}

static struct result ask(const struct run *run) {
  int fd = open_socket(SOCK_STREAM, run->address, run->port);
  ask_one(fd);
  struct result result = begin(run);
  for (; !is_over(&result, run); result.operations++) ask_one(fd);
  end(&result, run);
  return result;
}

static struct result connect_each(const struct run *run) {
  struct result result = begin(run);
  for (; !is_over(&result, run); result.operations++) {
    int fd = open_socket(SOCK_STREAM, run->address, run->port);
    ask_one(fd);
    close(fd);
  }
  end(&result, run);
  return result;
}

/** How many have arrived since the last time; -1 when nobody says so. */
static double ask_count(int fd, int attempts, int wait_ms) {
  struct timeval patience = {wait_ms / 1000, wait_ms % 1000 * 1000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  for (int i = 0; i < attempts; i++) {
    uint64_t count;
    char octet = 0;
    if (send(fd, &octet, 1, 0) == 1 && recv(fd, &count, sizeof count, 0) == sizeof count) return (double)count;
  }
  return -1;
}

static struct result packets(const struct run *run) {
  static char octets[frame_payload];
  struct iovec part = {octets, sizeof octets};
  struct mmsghdr messages[burst] = {0};
  for (int i = 0; i < burst; i++) messages[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
  int fd = open_socket(SOCK_DGRAM, run->address, run->port + 1);
  if (ask_count(fd, 5, 1000) < 0) errx(1, "the counter does not answer");
  struct result result = begin(run);
  while (!is_over(&result, run))
    if (sendmmsg(fd, messages, burst, 0) < 0 && errno != ENOBUFS) err(1, "sendmmsg");
  end(&result, run);
  result.operations = ask_count(fd, 5, 1000);
  if (result.operations < 0) errx(1, "the counter does not answer");
  return result;
}

static double acknowledged(int fd) {
  struct tcp_info info = {0};
  socklen_t length = sizeof info;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) err(1, "TCP_INFO");
  return (double)info.tcpi_bytes_acked;
}

static struct result bulk(const struct run *run) {
  static char octets[bulk_octets];
  int fd = open_socket(SOCK_STREAM, run->address, run->port + 2);
  struct run start = *run;
  start.seconds /= 4;
  for (struct result result = begin(&start); !is_over(&result, &start);)
    if (write(fd, octets, sizeof octets) < 0) err(1, "write");
  struct result result = begin(run);
  double before = acknowledged(fd);
  while (!is_over(&result, run))
    if (write(fd, octets, sizeof octets) < 0) err(1, "write");
  end(&result, run);
  result.operations = acknowledged(fd) - before;
  return result;
}

static void set_offload(const char *link, int is_on) {
  const uint32_t commands[] = {ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  for (int i = 0; i < 3; i++) {
    struct ethtool_value value = {.cmd = commands[i], .data = i == 2 ? 1 : (uint32_t)is_on};
    struct ifreq request = {.ifr_data = (char *)&value};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", link);
    if (ioctl(fd, SIOCETHTOOL, &request) != 0) err(1, "%s: offload %d", link, i);
  }
}

int main(int count, char **words) {
  const struct {
    const char *name;
    struct result (*play)(const struct run *);
  } modes[] = {{"ask", ask}, {"connect", connect_each}, {"packets", packets}, {"bulk", bulk}};
  if (count < 5) errx(2, "see the head of dataplane-traffic.c");
  enter(words[2]);
  if (strcmp(words[1], "offload") == 0) {
    set_offload(words[3], strcmp(words[4], "on") == 0);
    return 0;
  }
  pin(atoi(words[3]));
  if (strcmp(words[1], "serve") == 0) {
    serve(atoi(words[4]));
    return 0;
  }
  if (count < 8) errx(2, "see the head of dataplane-traffic.c");
  struct run run = {.address = words[4], .port = atoi(words[5]), .seconds = atof(words[6])};
  if (strcmp(words[1], "once") == 0) {
    int answers = 0, fd = open_socket(SOCK_DGRAM, run.address, run.port);
    for (int i = 0; i < (int)run.seconds; i++) answers += ask_count(fd, 1, atoi(words[7])) >= 0;
    printf("{\"answers\":%d}\n", answers);
    return 0;
  }
  alarm((unsigned)run.seconds + 10);
  if (clock_getcpuclockid(atoi(words[7]), &run.server) != 0) errx(2, "SERVER is no process");
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(words[1], modes[i].name) != 0) continue;
    struct result result = modes[i].play(&run);
    printf("{\"operations\":%.0f,\"seconds\":%.6f,\"clientCpu\":%.6f,\"serverCpu\":%.6f}\n", result.operations,
           result.seconds, result.client_cpu, result.server_cpu);
    return 0;
  }
  errx(2, "see the head of dataplane-traffic.c");
}
