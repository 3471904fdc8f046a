/* The clients' TCP connections and BGP sessions: one epoll, nothing that blocks, one buffer to read into. */
#define _GNU_SOURCE
#include "bgp-load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int lost;
char last_words[64];

static int poller;
static uint8_t read_buffer[MAX_MESSAGE + (1 << 18)];
static double keepalive_at;

/* A loopback address each, so that the device sees as many neighbours; none ends in 0 or 255. */
static uint32_t source_of(uint32_t number) { return 0x7f100001 + (number / 250 << 8) + number % 250; }

void sessions_make(void) {
  poller = epoll_create1(0);
  if (poller < 0) fail("epoll: %s", strerror(errno));
  for (uint32_t at = 0; at < (uint32_t)(options.clients + options.joiners); at++) {
    clients[at].number = at;
    clients[at].fd = -1;
    clients[at].source = source_of(at);
    clients[at].router_id = 0x0a200001 + at; /* 10.32.0.1 */
    clients[at].rest = allocate(NULL, MAX_MESSAGE);
  }
  keepalive_at = now() + options.hold / 4.0;
}

static void watch(struct client *client, int operation) {
  struct epoll_event event = { .data.u32 = client->number };
  if (!client->is_deaf) event.events |= EPOLLIN;
  if (client->waits_to_write || client->state == CONNECTING) event.events |= EPOLLOUT;
  if (epoll_ctl(poller, operation, client->fd, &event) < 0) fail("epoll: %s", strerror(errno));
}

static void forget_socket(struct client *client) {
  close(client->fd);
  client->fd = -1;
  client->state = DOWN;
  client->is_deaf = client->waits_to_write = false;
  client->rest_length = client->out_begin = client->out_end = 0;
}

/* Ended by the device or by the network. Before it was established the client tries again. */
static void ended(struct client *client) {
  if (client->state == ESTABLISHED) lost++;
  forget_socket(client);
  client->retry_at = now() + 0.05;
}

void session_close(struct client *client, bool says_so) {
  if (client->fd < 0) return;
  uint8_t cease[HEADER + 2];
  put8(put8(make_header(cease, NOTIFICATION, sizeof cease), 6), 3);
  if (says_so && client->out_begin == client->out_end) (void)!send(client->fd, cease, sizeof cease, MSG_NOSIGNAL);
  forget_socket(client);
}

/* So small that a client that does not read is soon one that cannot be written to. */
static void set_receive_buffer(struct client *client, int octets) {
  setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
}

void session_hear(struct client *client, bool hears) {
  client->is_deaf = !hears;
  if (hears && client->fd >= 0) set_receive_buffer(client, 1 << 19);
  if (client->fd >= 0) watch(client, EPOLL_CTL_MOD);
}

void session_flush(struct client *client) {
  if (client->fd < 0) return;
  while (client->out_begin < client->out_end) {
    ssize_t sent = send(client->fd, client->out + client->out_begin, client->out_end - client->out_begin, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) break; /* full, or broken: then reading says so */
    client->out_begin += (size_t)sent;
  }
  bool waits = client->out_begin < client->out_end;
  if (waits == client->waits_to_write) return;
  client->waits_to_write = waits;
  watch(client, EPOLL_CTL_MOD);
}

/* Put into the buffer; `session_flush` sends it. */
void session_send(struct client *client, const uint8_t *message, size_t length) {
  if (client->fd < 0) return;
  if (client->out_begin == client->out_end) client->out_begin = client->out_end = 0;
  if (client->out_end + length > client->out_room) {
    client->out_room = (client->out_end + length) * 2;
    client->out = allocate(client->out, client->out_room);
  }
  memcpy(client->out + client->out_end, message, length);
  client->out_end += length;
}

void session_announce(struct client *client, uint32_t index, uint32_t count, bool is_announced) {
  uint8_t message[MAX_MESSAGE];
  while (count > 0) {
    uint32_t taken;
    size_t length = make_update(message, client, index, count, is_announced, &taken);
    session_send(client, message, length);
    index += taken;
    count -= taken;
  }
}

void session_refresh(struct client *client) {
  uint8_t message[HEADER + 4];
  put8(put8(put16(make_header(message, ROUTE_REFRESH, sizeof message), options.family == 4 ? 1 : 2), 0), 1);
  session_send(client, message, sizeof message);
  session_flush(client);
}

static void send_keepalive(struct client *client) {
  uint8_t message[HEADER];
  make_header(message, KEEPALIVE, HEADER);
  session_send(client, message, HEADER);
  session_flush(client);
}

static void send_open(struct client *client) {
  /* Both families (RFC 4760), route refresh (RFC 2918), four-octet AS numbers (RFC 6793). */
  uint8_t capabilities[] = { 1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4, 0, 0, 0, 0 };
  put32(capabilities + sizeof capabilities - 4, options.as);
  uint8_t message[HEADER + 12 + sizeof capabilities];
  uint8_t *at = put8(make_header(message, OPEN, sizeof message), 4);
  at = put16(at, options.as > 65535 ? 23456 : options.as);
  at = put32(put16(at, options.hold), client->router_id);
  at = put8(put8(put8(at, sizeof capabilities + 2), 2), sizeof capabilities);
  memcpy(at, capabilities, sizeof capabilities);
  session_send(client, message, sizeof message);
  client->state = OPEN_SENT;
  client->waits_to_write = true; /* as it was watched while connecting */
  session_flush(client);
}

static void start_connecting(struct client *client) {
  int one = 1, segment = 1460;
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (client->fd < 0) fail("socket: %s", strerror(errno));
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  /* As on Ethernet: loopback's segments of 64 KiB would make kernel buffers and Nagle's algorithm behave unlike anywhere else. */
  setsockopt(client->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  setsockopt(client->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (options.will_be_deaf && (int)client->number >= options.clients - options.deaf) set_receive_buffer(client, 4096);
  struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(client->source) };
  struct sockaddr_in device = { .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  if (bind(client->fd, (struct sockaddr *)&own, sizeof own) < 0) fail("bind: %s", strerror(errno));
  client->state = CONNECTING;
  if (connect(client->fd, (struct sockaddr *)&device, sizeof device) < 0 && errno != EINPROGRESS) {
    ended(client);
    return;
  }
  watch(client, EPOLL_CTL_ADD);
}

int sessions_connect(uint32_t first, uint32_t count) {
  int coming = 0, missing = 0;
  for (uint32_t at = first; at < first + count; at++) {
    missing += clients[at].state != ESTABLISHED;
    coming += clients[at].state != ESTABLISHED && clients[at].state != DOWN;
  }
  for (uint32_t at = first; at < first + count && coming < options.parallel && missing > 0; at++) {
    if (clients[at].state != DOWN || clients[at].retry_at > now()) continue;
    start_connecting(&clients[at]);
    coming++;
  }
  return missing;
}

/* False when the session is over. */
static bool read_message(struct client *client, const uint8_t *message, size_t length) {
  switch (message[18]) {
    case OPEN:
      if (client->state != OPEN_SENT) break;
      client->state = OPEN_CONFIRM;
      send_keepalive(client);
      return true;
    case KEEPALIVE:
      if (client->state == OPEN_CONFIRM) client->state = ESTABLISHED;
      return true;
    case UPDATE:
      if (client->state == OPEN_CONFIRM) break;
      read_update(client, message, length);
      return true;
    case ROUTE_REFRESH: return true;
    case NOTIFICATION:
      if (length >= HEADER + 2) snprintf(last_words, sizeof last_words, "notification %u/%u", message[19], message[20]);
      break;
    default: break;
  }
  ended(client);
  return false;
}

static void read_socket(struct client *client) {
  /* What was left over of the last read stands in front of what comes now. */
  memcpy(read_buffer, client->rest, client->rest_length);
  ssize_t got = recv(client->fd, read_buffer + client->rest_length, sizeof read_buffer - client->rest_length, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    if (client->state == ESTABLISHED && last_words[0] == 0) {
      snprintf(last_words, sizeof last_words, "%s", got == 0 ? "closed" : strerror(errno));
    }
    ended(client);
    return;
  }
  counts.bytes += (size_t)got;
  counts.reads++;
  const uint8_t *at = read_buffer, *end = read_buffer + client->rest_length + (size_t)got;
  static const uint8_t marker[16] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };
  while (end - at >= HEADER) {
    size_t length = get16(at + 16);
    if (memcmp(at, marker, 16) != 0 || length < HEADER || length > MAX_MESSAGE) {
      wrongs.malformed++;
      snprintf(last_words, sizeof last_words, "a malformed message header");
      ended(client);
      return;
    }
    if ((size_t)(end - at) < length) break;
    if (!read_message(client, at, length)) return;
    at += length;
  }
  client->rest_length = (size_t)(end - at);
  memcpy(client->rest, at, client->rest_length);
}

static void handle(struct client *client, uint32_t events) {
  if (client->fd < 0) return;
  if (client->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) ended(client);
    else if (events & EPOLLOUT) send_open(client);
    return;
  }
  if (events & EPOLLOUT) session_flush(client);
  /* A deaf client learns of the end of its session once it listens again. */
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !client->is_deaf) read_socket(client);
  else if (client->is_deaf && (events & (EPOLLHUP | EPOLLERR))) ended(client);
}

void sessions_turn(double until) {
  struct epoll_event events[256];
  double wait = until - now();
  int milliseconds = wait <= 0 ? 0 : wait > 1 ? 1000 : (int)(wait * 1000 + 0.999);
  int ready = epoll_wait(poller, events, 256, milliseconds);
  for (int at = 0; at < ready; at++) handle(&clients[events[at].data.u32], events[at].events);
  if (now() < keepalive_at) return;
  keepalive_at = now() + options.hold / 4.0;
  for (int at = 0; at < options.clients + options.joiners; at++) {
    if (clients[at].state == ESTABLISHED) send_keepalive(&clients[at]);
  }
}
