/*
 * bgp-load: N iBGP clients of one route reflector in one process, to measure how fast it tells every client's prefixes
 * to every other client, and whether it tells them right. Start at bgp-load.c; bgp-load-table.c says what every client
 * should have by now, bgp-load-update.c reads what it is told, bgp-load-session.c owns the sockets.
 */
#ifndef BGP_LOAD_H
#define BGP_LOAD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum message { OPEN = 1, UPDATE = 2, NOTIFICATION = 3, KEEPALIVE = 4, ROUTE_REFRESH = 5 };
enum { HEADER = 19, MAX_MESSAGE = 4096 };
enum state { DOWN, CONNECTING, OPEN_SENT, OPEN_CONFIRM, ESTABLISHED };

struct options {
  uint16_t port, hold; /* seconds proposed */
  uint32_t as, cluster; /* CLUSTER_LIST must be exactly this one */
  int clients, prefixes; /* prefixes a client */
  int joiners; /* clients beyond those, which announce nothing */
  int family, length; /* 4 or 6; bits of each prefix */
  int pack; /* prefixes an UPDATE; 0: as many as fit */
  int parallel; /* sessions being established at a time */
  int deaf; /* this many of the last clients stop reading in the phase `deaf` */
  bool will_be_deaf; /* there is such a phase */
  unsigned seed;
  double timeout; /* seconds a phase */
  pid_t device; /* 0: not known */
};

struct client {
  uint32_t number, source, router_id;
  int fd;
  enum state state;
  bool is_deaf, waits_to_write;
  double retry_at;

  /* As owner of prefixes: what the others should have of it. */
  bool is_announcing;
  uint32_t generation; /* the MED, none when 0 */

  /* As receiver: one bit a prefix of everybody; a bit is right when the last news of it is what its owner said last. */
  uint64_t *present, *right;
  uint32_t missing; /* bits that are not right */
  bool counts; /* the phase waits for it */
  double done_at;

  uint8_t *rest; /* the begin of a message whose end is still to come */
  size_t rest_length;
  uint8_t *out;
  size_t out_begin, out_end, out_room;
};

/* What was received and found since `counts` were last cleared. */
struct counts {
  uint64_t updates, announced, withdrawn, bytes, reads;
  uint64_t duplicates; /* told again what the client already had */
  uint64_t old; /* not what the owner said last */
  uint64_t echoes; /* told to its owner */
};

struct wrongs {
  uint64_t origin, as_path, next_hop, local_pref, med, originator_id, cluster_list, flags, unknown_attribute;
  uint64_t foreign_prefix, mixed_owners, malformed;
};

extern struct options options;
extern struct client *clients; /* options.clients + options.joiners */
extern struct counts counts;
extern struct wrongs wrongs;
extern uint64_t checked; /* UPDATEs whose attributes were looked at */
extern char first_wrong[160];
extern int undone; /* clients that count and still miss something */
extern int lost; /* sessions that ended though nobody wanted it */
extern char last_words[64]; /* of the device, in a NOTIFICATION */

static inline uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }
static inline uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }
static inline uint64_t get64(const uint8_t *at) { return (uint64_t)get32(at) << 32 | get32(at + 4); }
static inline uint8_t *put8(uint8_t *at, unsigned value) { return *at = (uint8_t)value, at + 1; }
static inline uint8_t *put16(uint8_t *at, unsigned value) { return put8(put8(at, value >> 8), value); }
static inline uint8_t *put32(uint8_t *at, uint32_t value) { return put16(put16(at, value >> 16), value); }
static inline uint8_t *put64(uint8_t *at, uint64_t value) { return put32(put32(at, (uint32_t)(value >> 32)), (uint32_t)value); }

double now(void);
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void *allocate(void *old, size_t size);

/* bgp-load-table.c */
void table_make(void);
void table_own(uint32_t owner, bool is_announcing, uint32_t generation); /* the owner says so for all its prefixes */
void table_own_one(uint32_t index, bool is_present); /* for one */
void table_forget(struct client *client); /* a fresh session has nothing */
void table_doubt(struct client *client); /* the client wants to hear everything again */
void table_count(struct client *client, bool counts);
/* The bits of one word were told to the client; all of them are the owner's. */
void table_told(struct client *client, uint32_t owner, uint32_t word, uint64_t mask, bool is_announced, uint32_t generation);
uint64_t *table_bits(void); /* a bit a prefix, all 0 */

/* bgp-load-update.c */
uint8_t *make_header(uint8_t *at, enum message type, size_t length);
size_t make_update(uint8_t *at, const struct client *owner, uint32_t index, uint32_t count, bool is_announced,
                   uint32_t *taken);
void read_update(struct client *client, const uint8_t *at, size_t length);

/* bgp-load-session.c */
void sessions_make(void);
void sessions_turn(double until); /* one round of what sockets have to say; returns by `until` at the latest */
int sessions_connect(uint32_t first, uint32_t count); /* how many are not yet established; call until 0 */
void session_close(struct client *client, bool says_so);
void session_hear(struct client *client, bool hears);
void session_send(struct client *client, const uint8_t *message, size_t length);
void session_flush(struct client *client);
void session_announce(struct client *client, uint32_t index, uint32_t count, bool is_announced);
void session_refresh(struct client *client);
#endif
