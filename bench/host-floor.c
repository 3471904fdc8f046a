/*
 * The kernel's share: what it takes to hand it the same work in C, without any logic.
 *   host-floor routes 4|6 COUNT DEVICE GATEWAY [ID]
 *                                                by the gateway, or by the next-hop object of that id; 100 messages a
 *                                                sendmsg, an answer to the last; prints what adding and deleting took,
 *                                                and the processor's time for them, in ms
 *   host-floor replay FILE                       datagrams of nfnetlink, each behind its length; prints ms
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PER_SEND 100

static char answers[1 << 20];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double cpu_ms(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static int open_netlink(int protocol) {
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  struct timeval patience = {.tv_sec = 60};
  int fd = socket(AF_NETLINK, SOCK_RAW, protocol), size = 64 << 20, on = 1;
  if (fd < 0 || bind(fd, (void *)&address, sizeof address) < 0) fail("netlink");
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return fd;
}

/* Waits for the answer to the message of that number. */
static void await_answer(int fd, unsigned sequence) {
  for (;;) {
    int size = recv(fd, answers, sizeof answers, 0);
    /* More errors than the buffer holds: the first ones are in it. */
    if (size < 0 && errno == ENOBUFS) continue;
    if (size < 0) fail("recv");
    for (struct nlmsghdr *h = (void *)answers; NLMSG_OK(h, size); h = NLMSG_NEXT(h, size)) {
      if (h->nlmsg_type != NLMSG_ERROR) continue;
      int error = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
      if (error != 0) {
        fprintf(stderr, "message %u: %s\n", h->nlmsg_seq, strerror(-error));
        exit(1);
      }
      if (h->nlmsg_seq == sequence) return;
    }
  }
}

static void attribute(struct nlmsghdr *h, int type, const void *data, int length) {
  struct rtattr *a = (void *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));
  a->rta_type = type;
  a->rta_len = RTA_LENGTH(length);
  memcpy(RTA_DATA(a), data, length);
  h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len);
}

struct plan {
  int is_v6, link, object;
  unsigned count;
  unsigned char gateway[16];
};

static int write_route(char *place, const struct plan *plan, int type, int flags, unsigned at, unsigned sequence) {
  struct nlmsghdr *h = (void *)place;
  struct rtmsg *r = NLMSG_DATA(h);
  int size = plan->is_v6 ? 16 : 4, metric = 1024;
  unsigned char destination[16] = {0};
  uint32_t number = htonl((plan->is_v6 ? 0 : 0x0a000000u) + at);
  if (plan->is_v6) destination[0] = 0xfd, destination[3] = 0x65;
  memcpy(destination + size - 4, &number, 4);
  memset(place, 0, 128);
  h->nlmsg_len = NLMSG_LENGTH(sizeof *r);
  h->nlmsg_type = type;
  h->nlmsg_flags = NLM_F_REQUEST | flags;
  h->nlmsg_seq = sequence;
  r->rtm_family = plan->is_v6 ? AF_INET6 : AF_INET;
  r->rtm_dst_len = size * 8;
  r->rtm_table = RT_TABLE_MAIN;
  r->rtm_protocol = 122;
  r->rtm_type = RTN_UNICAST;
  r->rtm_scope = type == RTM_DELROUTE ? RT_SCOPE_NOWHERE : RT_SCOPE_UNIVERSE;
  attribute(h, RTA_DST, destination, size);
  attribute(h, RTA_PRIORITY, &metric, 4);
  if (type == RTM_DELROUTE) return h->nlmsg_len;
  if (plan->object != 0) {
    attribute(h, RTA_NH_ID, &plan->object, 4);
    return h->nlmsg_len;
  }
  attribute(h, RTA_GATEWAY, plan->gateway, size);
  attribute(h, RTA_OIF, &plan->link, 4);
  return h->nlmsg_len;
}

static double run_routes(int fd, const struct plan *plan, int type, int flags) {
  static char batch[PER_SEND * 128];
  static unsigned sequence;
  double start = now_ms();
  for (unsigned at = 0; at < plan->count;) {
    int length = 0;
    for (int k = 0; k < PER_SEND && at < plan->count; k++, at++) {
      int ack = k == PER_SEND - 1 || at == plan->count - 1 ? NLM_F_ACK : 0;
      length += NLMSG_ALIGN(write_route(batch + length, plan, type, flags | ack, at, ++sequence));
    }
    if (send(fd, batch, length, 0) < 0) fail("send");
    await_answer(fd, sequence);
  }
  return now_ms() - start;
}

static int routes(char **argument) {
  struct plan plan = {.is_v6 = argument[0][0] == '6', .count = atoi(argument[1]), .link = if_nametoindex(argument[2])};
  if (argument[4] != NULL) plan.object = atoi(argument[4]);
  if (inet_pton(plan.is_v6 ? AF_INET6 : AF_INET, argument[3], plan.gateway) != 1) return 2;
  int fd = open_netlink(NETLINK_ROUTE);
  double start = cpu_ms();
  double add = run_routes(fd, &plan, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  double between = cpu_ms();
  double delete = run_routes(fd, &plan, RTM_DELROUTE, 0);
  printf("%.3f %.3f %.3f %.3f\n", add, delete, between - start, cpu_ms() - between);
  return 0;
}

/* The number of the message in the datagram that asks for an answer. */
static unsigned asking(const char *datagram, unsigned length) {
  int left = length;
  for (struct nlmsghdr *h = (void *)datagram; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
    if (h->nlmsg_flags & NLM_F_ACK) return h->nlmsg_seq;
  fprintf(stderr, "a datagram asks for no answer\n");
  exit(1);
}

static int replay(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail(path);
  long size = ftell(file);
  char *bytes = malloc(size);
  rewind(file);
  if (bytes == NULL || fread(bytes, 1, size, file) != (size_t)size) fail(path);
  int fd = open_netlink(NETLINK_NETFILTER);
  double start = now_ms();
  for (long at = 0; at < size;) {
    uint32_t length;
    memcpy(&length, bytes + at, 4);
    at += 4;
    if (send(fd, bytes + at, length, 0) < 0) fail("send");
    await_answer(fd, asking(bytes + at, length));
    at += length;
  }
  printf("%.3f\n", now_ms() - start);
  return 0;
}

int main(int count, char **argument) {
  if ((count == 6 || count == 7) && strcmp(argument[1], "routes") == 0) return routes(argument + 2);
  if (count == 3 && strcmp(argument[1], "replay") == 0) return replay(argument[2]);
  fprintf(stderr, "usage: host-floor routes 4|6 COUNT DEVICE GATEWAY [ID] | replay FILE\n");
  return 2;
}
