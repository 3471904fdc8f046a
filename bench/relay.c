/*
 * usage: relay PORT AS ROUTER_ID
 *
 * The floor under any route reflector: no table, no policy, no decision. Every UPDATE is rewritten once (ORIGINATOR_ID and
 * CLUSTER_LIST, RFC 4456) onto the end of one log, and the log is written to every client but for what it said itself.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEADER = 19, MAX_MESSAGE = 4096, ADDED = 14, PIECES = 64 };

struct span { size_t from, to; };

struct peer {
  int fd;
  bool is_up, waits_to_write, wants_again;
  uint32_t router_id;
  uint8_t rest[MAX_MESSAGE];
  size_t rest_length;
  size_t cursor; /* the place in the log up to which it was told */
  struct span *own; /* of the log, ascending */
  size_t own_count, own_room, next_own;
};

/* Reserved at once, used as it grows: nothing of the log ever moves. */
static const size_t log_room = (size_t)1 << 36;
static uint8_t *log_bytes;
static size_t log_length;
static struct peer **peers; /* by file descriptor */
static int highest, poller;
static uint32_t own_as, own_router_id;
static uint8_t read_buffer[MAX_MESSAGE + (1 << 18)];

static uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static void put16(uint8_t *at, size_t value) { at[0] = (uint8_t)(value >> 8), at[1] = (uint8_t)value; }
static void put32(uint8_t *at, uint32_t value) { value = htonl(value), memcpy(at, &value, 4); }

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void leave(struct peer *peer) {
  peers[peer->fd] = NULL;
  close(peer->fd);
  free(peer->own);
  free(peer);
}

static void watch(struct peer *peer, bool waits_to_write) {
  if (peer->waits_to_write == waits_to_write) return;
  peer->waits_to_write = waits_to_write;
  struct epoll_event event = { .events = EPOLLIN | (waits_to_write ? EPOLLOUT : 0), .data.fd = peer->fd };
  epoll_ctl(poller, EPOLL_CTL_MOD, peer->fd, &event);
}

/* What of the log the peer has not got yet, as many pieces as fit. Returns where the last one ends. */
static size_t gather(const struct peer *peer, struct iovec *pieces, int *count) {
  size_t at = peer->cursor, own = peer->next_own;
  *count = 0;
  while (at < log_length && *count < PIECES) {
    size_t to = own < peer->own_count ? peer->own[own].from : log_length;
    if (to > at) pieces[(*count)++] = (struct iovec){ log_bytes + at, to - at };
    at = own < peer->own_count ? peer->own[own++].to : log_length;
  }
  return at;
}

static void tell(struct peer *peer) {
  while (peer->cursor < log_length) {
    struct iovec pieces[PIECES];
    int count;
    size_t end = gather(peer, pieces, &count);
    ssize_t written = count == 0 ? 0 : writev(peer->fd, pieces, count);
    if (written < 0) {
      watch(peer, errno == EAGAIN);
      return;
    }
    size_t left = (size_t)written;
    int piece = 0;
    while (piece < count && left >= pieces[piece].iov_len) left -= pieces[piece++].iov_len;
    peer->cursor = piece == count ? end : (size_t)((uint8_t *)pieces[piece].iov_base - log_bytes) + left;
    while (peer->next_own < peer->own_count && peer->own[peer->next_own].to <= peer->cursor) peer->next_own++;
    if (peer->cursor == log_length && peer->wants_again) {
      peer->wants_again = false;
      peer->cursor = peer->next_own = 0;
    }
  }
  watch(peer, false);
}

/* An End-of-RIB marker says something about its sender alone. */
static bool is_end_of_rib(const uint8_t *attributes, size_t length, size_t rest) {
  return rest == 0 && (length == 0 || (length <= 7 && attributes[1] == 15));
}

static bool has_reach(const uint8_t *at, const uint8_t *end) {
  while (end - at >= 4) {
    if (at[1] == 14) return true;
    at += at[0] & 0x10 ? 4 + get16(at + 2) : 3 + at[2];
  }
  return false;
}

static void relay(struct peer *peer, const uint8_t *message, size_t length) {
  size_t withdrawn = get16(message + HEADER);
  if (HEADER + 4 + withdrawn > length) return;
  const uint8_t *attributes = message + HEADER + 4 + withdrawn;
  size_t attributes_length = get16(attributes - 2);
  if (attributes + attributes_length > message + length) return;
  size_t before = (size_t)(attributes - message) + attributes_length, after = length - before;
  if (withdrawn == 0 && is_end_of_rib(attributes, attributes_length, after)) return;
  bool is_reach = after > 0 || has_reach(attributes, attributes + attributes_length);
  size_t added = is_reach ? ADDED : 0, from = log_length;
  uint8_t *at = log_bytes + from;
  memcpy(at, message, before);
  put16(at + 16, length + added);
  put16(at + HEADER + 2 + withdrawn, attributes_length + added);
  if (is_reach) {
    const uint8_t heads[2][3] = { { 0x80, 9, 4 }, { 0x80, 10, 4 } };
    const uint32_t values[2] = { peer->router_id, own_router_id };
    for (int i = 0; i < 2; i++) {
      memcpy(at + before + i * 7, heads[i], 3);
      put32(at + before + i * 7 + 3, values[i]);
    }
  }
  memcpy(at + before + added, message + before, after);
  log_length += length + added;
  /* One that the cursor has left behind is not made longer. */
  bool is_open = peer->next_own < peer->own_count && peer->own[peer->own_count - 1].to == from;
  if (is_open) peer->own[peer->own_count - 1].to = log_length;
  else {
    if (peer->own_count == peer->own_room) {
      peer->own_room = peer->own_room * 2 + 8;
      peer->own = realloc(peer->own, peer->own_room * sizeof *peer->own);
      if (peer->own == NULL) die("memory");
    }
    peer->own[peer->own_count++] = (struct span){ from, log_length };
  }
}

static void greet(struct peer *peer) {
  uint8_t text[2 * HEADER + 32];
  /* Version 4, hold time 0 (no timers), both families, route refresh, four-octet AS numbers. */
  const uint8_t open[] = { 0, 51, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 22, 2, 20, 1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4, 0, 0, 0, 0 };
  memset(text, 0xff, 16);
  memcpy(text + 16, open, sizeof open);
  put16(text + 20, own_as > 65535 ? 23456 : own_as);
  put32(text + 24, own_router_id);
  put32(text + 47, own_as);
  memset(text + 51, 0xff, 16);
  memcpy(text + 67, (uint8_t[]){ 0, HEADER, 4 }, 3);
  (void)!send(peer->fd, text, 70, MSG_NOSIGNAL);
}

static void hear(struct peer *peer) {
  memcpy(read_buffer, peer->rest, peer->rest_length);
  ssize_t got = recv(peer->fd, read_buffer + peer->rest_length, sizeof read_buffer - peer->rest_length, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return leave(peer);
  uint8_t *at = read_buffer, *end = read_buffer + peer->rest_length + got;
  while (end - at >= HEADER && end - at >= get16(at + 16)) {
    size_t length = get16(at + 16);
    if (length < HEADER || length > MAX_MESSAGE || at[18] == 3) return leave(peer);
    if (at[18] == 1) {
      peer->router_id = ntohl(*(uint32_t *)(at + 24));
      greet(peer);
    } else if (at[18] == 2) relay(peer, at, length);
    else if (at[18] == 4 && !peer->is_up) peer->is_up = true;
    else if (at[18] == 5) {
      /* From the begin, once the message that is being written is at its end. */
      if (peer->cursor == log_length) peer->cursor = peer->next_own = 0;
      else peer->wants_again = true;
    }
    at += length;
  }
  peer->rest_length = (size_t)(end - at);
  memcpy(peer->rest, at, peer->rest_length);
}

static void accept_all(int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    peers[fd] = calloc(1, sizeof **peers);
    if (peers[fd] == NULL || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) die("a new peer");
    peers[fd]->fd = fd;
    if (fd > highest) highest = fd;
  }
}

int main(int count, char **words) {
  if (count != 4) return fputs("usage: relay PORT AS ROUTER_ID\n", stderr), 2;
  own_as = (uint32_t)atol(words[2]);
  own_router_id = ntohl(inet_addr(words[3]));
  signal(SIGPIPE, SIG_IGN);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  peers = calloc(files.rlim_max, sizeof *peers);
  log_bytes = mmap(NULL, log_room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (peers == NULL || log_bytes == MAP_FAILED) die("memory");
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&own, sizeof own) < 0 || listen(listener, 4096) < 0) die("listen");
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN, .data.fd = listener };
  if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll");
  for (;;) {
    struct epoll_event events[256];
    int ready = epoll_wait(poller, events, 256, -1);
    for (int at = 0; at < ready; at++) {
      int fd = events[at].data.fd;
      if (fd == listener) accept_all(listener);
      else if (peers[fd] != NULL && events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) hear(peers[fd]);
    }
    for (int at = 0; at < ready; at++) {
      struct peer *peer = events[at].data.fd == listener ? NULL : peers[events[at].data.fd];
      if (peer != NULL && events[at].events & EPOLLOUT) watch(peer, false);
    }
    for (int fd = 0; fd <= highest; fd++) {
      if (peers[fd] != NULL && peers[fd]->is_up && !peers[fd]->waits_to_write) tell(peers[fd]);
    }
  }
}
