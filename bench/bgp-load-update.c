/* UPDATE messages: made as a plain router makes them, and read with every attribute checked against what its owner said. */
#include "bgp-load.h"
#include <stdio.h>
#include <string.h>

enum { ORIGIN = 1, AS_PATH, NEXT_HOP, MED, LOCAL_PREF, ORIGINATOR_ID = 9, CLUSTER_LIST, MP_REACH = 14, MP_UNREACH };
enum { TRANSITIVE = 0x40, OPTIONAL = 0x80, EXTENDED = 0x10 };

struct counts counts;
struct wrongs wrongs;
uint64_t checked;
char first_wrong[160];

/* Not 127/8, which some speakers refuse as a next hop; not among the prefixes either. */
static const uint32_t first_next_hop4 = 0x0a400001; /* 10.64.0.1 */
static const uint64_t next_hop6_high = 0xfd00ffff00000000;
static const uint32_t first_prefix4 = 0x20000000; /* 32.0.0.0 */
static const uint64_t prefix6_high = 0x20010db800000000;

static uint32_t local_pref_of(const struct client *owner) { return 100 + owner->number % 100; }

uint8_t *make_header(uint8_t *at, enum message type, size_t length) {
  memset(at, 0xff, 16);
  return put8(put16(at + 16, (unsigned)length), type);
}

static uint8_t *put_prefix(uint8_t *at, uint32_t index) {
  uint8_t whole[16];
  if (options.family == 4) put32(whole, first_prefix4 + (index << (32 - options.length)));
  else put64(put64(whole, prefix6_high), (uint64_t)index << (128 - options.length));
  size_t octets = ((size_t)options.length + 7) / 8;
  memcpy(put8(at, (unsigned)options.length), whole, octets);
  return at + 1 + octets;
}

static uint8_t *put_attribute(uint8_t *at, unsigned flags, unsigned type, unsigned length) {
  at = put8(put8(at, length > 255 ? flags | EXTENDED : flags), type);
  return length > 255 ? put16(at, length) : put8(at, length);
}

/* As many of the prefixes from `index` on as one message takes; `taken` says how many. Returns the message's length. */
size_t make_update(uint8_t *message, const struct client *owner, uint32_t index, uint32_t count, bool is_announced,
                   uint32_t *taken) {
  uint32_t each = 1 + ((uint32_t)options.length + 7) / 8;
  uint32_t room = (MAX_MESSAGE - HEADER - 100) / each;
  if (options.pack > 0 && (uint32_t)options.pack < room) room = (uint32_t)options.pack;
  *taken = count < room ? count : room;
  unsigned octets = *taken * each;
  uint8_t *at = message + HEADER;
  at = put16(at, !is_announced && options.family == 4 ? octets : 0);
  if (!is_announced && options.family == 4) {
    for (uint32_t i = 0; i < *taken; i++) at = put_prefix(at, index + i);
  }
  uint8_t *attributes_length = at;
  at += 2;
  if (is_announced && options.family == 6) {
    at = put_attribute(at, OPTIONAL, MP_REACH, 5 + 16 + octets);
    at = put8(put8(put16(at, 2), 1), 16);
    at = put64(put64(at, next_hop6_high), owner->number + 1);
    at = put8(at, 0);
    for (uint32_t i = 0; i < *taken; i++) at = put_prefix(at, index + i);
  }
  if (is_announced) {
    at = put8(put_attribute(at, TRANSITIVE, ORIGIN, 1), 0);
    at = put_attribute(at, TRANSITIVE, AS_PATH, 0);
    if (options.family == 4) at = put32(put_attribute(at, TRANSITIVE, NEXT_HOP, 4), first_next_hop4 + owner->number);
    if (owner->generation > 0) at = put32(put_attribute(at, OPTIONAL, MED, 4), owner->generation);
    at = put32(put_attribute(at, TRANSITIVE, LOCAL_PREF, 4), local_pref_of(owner));
  } else if (options.family == 6) {
    at = put_attribute(at, OPTIONAL, MP_UNREACH, 3 + octets);
    at = put8(put16(at, 2), 1);
    for (uint32_t i = 0; i < *taken; i++) at = put_prefix(at, index + i);
  }
  put16(attributes_length, (unsigned)(at - attributes_length - 2));
  if (is_announced && options.family == 4) {
    for (uint32_t i = 0; i < *taken; i++) at = put_prefix(at, index + i);
  }
  make_header(message, UPDATE, (size_t)(at - message));
  return (size_t)(at - message);
}

/* What an UPDATE says beside its prefixes. A bit of `seen` an attribute. */
struct told {
  uint32_t seen;
  uint8_t origin;
  unsigned as_path_length, cluster_length;
  uint32_t med, local_pref, originator, cluster;
  const uint8_t *next_hop;
  unsigned next_hop_length;
  bool has_wrong_flags;
};

static void blame(uint64_t *count, const char *what, const struct client *client, uint32_t index) {
  if (first_wrong[0] == 0) {
    snprintf(first_wrong, sizeof first_wrong, "%s, told to client %u about prefix %u", what, client->number, index);
  }
  ++*count;
}

/* The attributes must be those that the owner sent, and the two of reflection (RFC 4456 section 8). */
static void check(const struct client *client, const struct told *told, const struct client *owner, uint32_t index) {
  const uint32_t wanted = 1 << ORIGIN | 1 << AS_PATH | 1 << NEXT_HOP | 1 << LOCAL_PREF | 1 << ORIGINATOR_ID | 1 << CLUSTER_LIST;
  checked++;
  if (!(told->seen & 1 << ORIGIN) || told->origin != 0) blame(&wrongs.origin, "ORIGIN", client, index);
  if (!(told->seen & 1 << AS_PATH) || told->as_path_length != 0) blame(&wrongs.as_path, "AS_PATH", client, index);
  uint8_t next_hop[16];
  if (options.family == 4) put32(next_hop, first_next_hop4 + owner->number);
  else put64(put64(next_hop, next_hop6_high), owner->number + 1);
  unsigned length = options.family == 4 ? 4 : 16;
  if (told->next_hop == NULL || told->next_hop_length != length || memcmp(told->next_hop, next_hop, length) != 0) {
    blame(&wrongs.next_hop, "next hop", client, index);
  }
  /* An older generation may still be on its way; one that the owner never said may not. */
  uint32_t med = told->seen & 1 << MED ? told->med : 0;
  if (med > owner->generation || ((told->seen & 1 << MED) && med == 0)) blame(&wrongs.med, "MED", client, index);
  if (!(told->seen & 1 << LOCAL_PREF) || told->local_pref != local_pref_of(owner)) {
    blame(&wrongs.local_pref, "LOCAL_PREF", client, index);
  }
  if (!(told->seen & 1 << ORIGINATOR_ID) || told->originator != owner->router_id) {
    blame(&wrongs.originator_id, "ORIGINATOR_ID", client, index);
  }
  if (!(told->seen & 1 << CLUSTER_LIST) || told->cluster_length != 4 || told->cluster != options.cluster) {
    blame(&wrongs.cluster_list, "CLUSTER_LIST", client, index);
  }
  if (told->seen & ~(wanted | 1 << MED)) blame(&wrongs.unknown_attribute, "an attribute nobody sent", client, index);
  if (told->has_wrong_flags) blame(&wrongs.flags, "attribute flags", client, index);
}

/* UINT32_MAX when it is none of ours. */
static inline uint32_t read_prefix(const uint8_t *at) {
  uint64_t value = 0;
  uint32_t shift;
  if (options.family == 4) {
    if (options.length > 24) value = get32(at + 1);
    else for (int i = 0; i < 4; i++) value = value << 8 | (i < (options.length + 7) / 8 ? at[1 + i] : 0);
    value -= first_prefix4;
    shift = 32 - (uint32_t)options.length;
  } else {
    if (get64(at + 1) != prefix6_high) return UINT32_MAX;
    if (options.length > 120) value = get64(at + 9);
    else for (int i = 8; i < 16; i++) value = value << 8 | (i < (options.length + 7) / 8 ? at[1 + i] : 0);
    shift = 128 - (uint32_t)options.length;
  }
  uint64_t index = value >> shift;
  if (index << shift != value || index >= (uint64_t)options.clients * (uint64_t)options.prefixes) return UINT32_MAX;
  return (uint32_t)index;
}

/* The prefixes of one owner in the UPDATE that is being read, in whatever order they come: a bit each. */
static struct {
  uint64_t *bits;
  uint32_t owner, first_word, last_word;
  bool has_some;
} row = { .first_word = UINT32_MAX };

static void take_row(struct client *client, const struct told *told) {
  if (!row.has_some) return;
  bool is_own = row.owner == client->number;
  uint32_t generation = told != NULL && told->seen & 1 << MED ? told->med : 0;
  for (uint32_t word = row.first_word; word <= row.last_word; word++) {
    if (!is_own) table_told(client, row.owner, word, row.bits[word], told != NULL, generation);
    else if (told != NULL) counts.echoes += (uint64_t)__builtin_popcountll(row.bits[word]);
    row.bits[word] = 0;
  }
  row.has_some = false;
  row.first_word = UINT32_MAX;
  row.last_word = 0;
}

/* `told` of announced ones; NULL of withdrawn ones. */
static void read_prefixes(struct client *client, const uint8_t *at, size_t length, int family, const struct told *told) {
  size_t each = 1 + ((size_t)options.length + 7) / 8;
  const uint8_t *end = at + length;
  uint32_t owner_begin = 1, owner_end = 0;
  bool is_first = true;
  if (row.bits == NULL) row.bits = table_bits();
  for (; at < end; at += each) {
    bool is_ours = family == options.family && *at == options.length && at + each <= end;
    uint32_t index = is_ours ? read_prefix(at) : UINT32_MAX;
    if (index == UINT32_MAX) {
      blame(&wrongs.foreign_prefix, "a prefix that nobody sent", client, 0);
      if (!is_ours) break;
      continue;
    }
    *(told == NULL ? &counts.withdrawn : &counts.announced) += 1;
    if (index < owner_begin || index >= owner_end) {
      take_row(client, told);
      row.owner = index / (uint32_t)options.prefixes;
      owner_begin = row.owner * (uint32_t)options.prefixes;
      owner_end = owner_begin + (uint32_t)options.prefixes;
      if (told != NULL && is_first) check(client, told, &clients[row.owner], index);
      else if (told != NULL) blame(&wrongs.mixed_owners, "prefixes of two clients under one next hop", client, index);
      is_first = false;
    }
    row.has_some = true;
    row.bits[index / 64] |= (uint64_t)1 << (index % 64);
    if (index / 64 < row.first_word) row.first_word = index / 64;
    if (index / 64 > row.last_word) row.last_word = index / 64;
  }
  take_row(client, told);
}

struct reach { int family; const uint8_t *at; size_t length; };

/* False when it is malformed. */
static bool read_attributes(const uint8_t *at, const uint8_t *end, struct told *told, struct reach *reach, struct reach *unreach) {
  while (at < end) {
    if (end - at < 3) return false;
    unsigned flags = at[0], type = at[1];
    size_t head = flags & EXTENDED ? 4 : 3;
    if ((size_t)(end - at) < head) return false;
    size_t length = flags & EXTENDED ? get16(at + 2) : at[2];
    at += head;
    if ((size_t)(end - at) < length) return false;
    unsigned kind = type == ORIGIN || type == AS_PATH || type == NEXT_HOP || type == LOCAL_PREF ? TRANSITIVE : OPTIONAL;
    if ((flags & ~(unsigned)EXTENDED) != kind) told->has_wrong_flags = true;
    if ((type == NEXT_HOP || type == MED || type == LOCAL_PREF || type == ORIGINATOR_ID) && length != 4) return false;
    if (type != MP_REACH && type != MP_UNREACH) told->seen |= (uint32_t)1 << (type < 31 ? type : 31);
    if (type == ORIGIN) told->origin = length == 1 ? at[0] : 255;
    else if (type == AS_PATH) told->as_path_length = (unsigned)length;
    else if (type == MED) told->med = get32(at);
    else if (type == LOCAL_PREF) told->local_pref = get32(at);
    else if (type == ORIGINATOR_ID) told->originator = get32(at);
    else if (type == CLUSTER_LIST) {
      told->cluster_length = (unsigned)length;
      if (length == 4) told->cluster = get32(at);
    } else if (type == NEXT_HOP && told->next_hop == NULL) {
      told->next_hop = at;
      told->next_hop_length = 4;
    } else if (type == MP_REACH) {
      if (length < 5 || length < 5u + at[3] || at[2] != 1) return false;
      told->seen |= 1 << NEXT_HOP;
      told->next_hop = at + 4;
      told->next_hop_length = at[3];
      *reach = (struct reach){ get16(at) == 1 ? 4 : 6, at + 5 + at[3], length - 5 - at[3] };
    } else if (type == MP_UNREACH) {
      if (length < 3 || at[2] != 1) return false;
      *unreach = (struct reach){ get16(at) == 1 ? 4 : 6, at + 3, length - 3 };
    }
    at += length;
  }
  return true;
}

void read_update(struct client *client, const uint8_t *message, size_t length) {
  const uint8_t *at = message + HEADER, *end = message + length;
  struct told told = { 0 };
  struct reach reach = { 0 }, unreach = { 0 };
  counts.updates++;
  size_t withdrawn = length >= HEADER + 4 ? get16(at) : SIZE_MAX;
  if (withdrawn > (size_t)(end - at) - 4) goto malformed;
  const uint8_t *attributes = at + 2 + withdrawn + 2;
  size_t attributes_length = get16(attributes - 2);
  if (attributes_length > (size_t)(end - attributes)) goto malformed;
  if (!read_attributes(attributes, attributes + attributes_length, &told, &reach, &unreach)) goto malformed;
  const uint8_t *announced = attributes + attributes_length;
  read_prefixes(client, at + 2, withdrawn, 4, NULL);
  read_prefixes(client, unreach.at, unreach.length, unreach.family, NULL);
  read_prefixes(client, announced, (size_t)(end - announced), 4, &told);
  read_prefixes(client, reach.at, reach.length, reach.family, &told);
  return;
malformed:
  blame(&wrongs.malformed, "a malformed UPDATE", client, 0);
}
