/* What every client should have been told by now, and how much of it is missing: two bits a client and prefix. */
#include "bgp-load.h"
#include <stdlib.h>
#include <string.h>

int undone;

/* Of single prefixes that were taken back while their owner announces the others. */
static uint64_t *taken_back;

static size_t words(void) { return ((size_t)options.clients * (size_t)options.prefixes + 63) / 64; }

/* The bits of a word that are in the range. */
static uint64_t mask_of(uint32_t word, uint32_t from, uint32_t to) {
  uint64_t mask = ~(uint64_t)0;
  if (word * 64 < from) mask &= ~(uint64_t)0 << (from % 64);
  if (to - word * 64 < 64) mask &= ((uint64_t)1 << (to - word * 64)) - 1;
  return mask;
}

static void put(uint64_t *bits, uint32_t at, bool value) {
  uint64_t bit = (uint64_t)1 << (at % 64);
  bits[at / 64] = value ? bits[at / 64] | bit : bits[at / 64] & ~bit;
}

void table_make(void) {
  taken_back = table_bits();
  for (int at = 0; at < options.clients + options.joiners; at++) {
    clients[at].present = table_bits();
    clients[at].right = table_bits();
    table_forget(&clients[at]);
  }
}

static void settle(struct client *client, uint32_t missing_before) {
  if (!client->counts || (missing_before == 0) == (client->missing == 0)) return;
  if (client->missing == 0) {
    client->done_at = now();
    undone--;
  } else undone++;
}

/* Nothing of the range is right any more (`is_wanted`), or what is absent is. */
static void change_range(struct client *client, uint32_t from, uint32_t to, bool is_wanted) {
  uint32_t before = client->missing;
  for (uint32_t word = from / 64; word * 64 < to; word++) {
    uint64_t mask = mask_of(word, from, to);
    uint64_t old = client->right[word] & mask;
    uint64_t new = is_wanted ? 0 : ~client->present[word] & mask;
    client->right[word] = (client->right[word] & ~mask) | new;
    client->missing += (uint32_t)(__builtin_popcountll(old) - __builtin_popcountll(new));
  }
  settle(client, before);
}

void table_own(uint32_t owner, bool is_announcing, uint32_t generation) {
  uint32_t from = owner * (uint32_t)options.prefixes, to = from + (uint32_t)options.prefixes;
  clients[owner].is_announcing = is_announcing;
  clients[owner].generation = generation;
  for (uint32_t at = from; at < to; at++) put(taken_back, at, false);
  for (int at = 0; at < options.clients + options.joiners; at++) {
    if ((uint32_t)at != owner) change_range(&clients[at], from, to, is_announcing);
  }
}

void table_own_one(uint32_t index, bool is_present) {
  put(taken_back, index, !is_present);
  for (int at = 0; at < options.clients + options.joiners; at++) {
    if ((uint32_t)at != index / (uint32_t)options.prefixes) change_range(&clients[at], index, index + 1, is_present);
  }
}

void table_forget(struct client *client) {
  memset(client->present, 0, words() * 8);
  memset(client->right, 0xff, words() * 8);
  uint32_t before = client->missing;
  client->missing = 0;
  settle(client, before);
  table_doubt(client);
}

void table_doubt(struct client *client) {
  for (uint32_t owner = 0; owner < (uint32_t)options.clients; owner++) {
    uint32_t from = owner * (uint32_t)options.prefixes;
    if (owner != client->number && clients[owner].is_announcing) {
      change_range(client, from, from + (uint32_t)options.prefixes, true);
    }
  }
}

void table_count(struct client *client, bool counts) {
  if (client->missing > 0) undone += (int)counts - (int)client->counts;
  client->counts = counts;
  client->done_at = now();
}

void table_told(struct client *client, uint32_t number, uint32_t word, uint64_t mask, bool is_announced, uint32_t generation) {
  const struct client *owner = &clients[number];
  uint32_t before = client->missing;
  /* Those that the owner wants to be there, and those that are meant to be told like this. */
  uint64_t wanted = owner->is_announcing ? ~taken_back[word] : 0;
  uint64_t right = (is_announced ? (owner->generation == generation ? wanted : 0) : ~wanted) & mask;
  uint64_t old = client->right[word] & mask;
  if (is_announced) counts.duplicates += (uint64_t)__builtin_popcountll(old & right);
  counts.old += (uint64_t)__builtin_popcountll(mask & ~right);
  client->present[word] = is_announced ? client->present[word] | mask : client->present[word] & ~mask;
  client->right[word] = (client->right[word] & ~mask) | right;
  client->missing += (uint32_t)(__builtin_popcountll(old) - __builtin_popcountll(right));
  settle(client, before);
}

uint64_t *table_bits(void) {
  uint64_t *bits = calloc(words(), 8);
  if (bits == NULL) fail("out of memory");
  return bits;
}
