/* Which customer of a simulation a name belongs to, by the simulation's truth: for judging what
 * comes after identity. Names that no event links are not in it. */
#ifndef SIMULATE_DIRECTORY_H
#define SIMULATE_DIRECTORY_H

#include "base/bytes.h"
#include "simulate/simulate.h"

struct directory;

/* A new directory of all customers of the simulation. */
struct directory *directory_new(const struct simulate_options *options);
void directory_free(struct directory **directory);

/* Whether it is known, and whose it is: the customer's number. */
bool directory_find(const struct directory *directory, struct bytes name, uint32_t *number);

#endif
