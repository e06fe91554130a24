/* SPDX-License-Identifier: Apache-2.0 */
#include "cli_priv.h"

#include <string.h>

#define WORD_MAX 63u

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits that turn one word into the other; neither is longer than WORD_MAX. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[lb];
}

const char *cli_nearest(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned best_distance = 0;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		unsigned d;

		if (strlen(*words) > WORD_MAX)
			continue;
		d = distance(word, *words);
		if (!best || d < best_distance) {
			best = *words;
			best_distance = d;
		}
	}
	/* Two letters that changed places are two edits; with more than that and a third of the word, it is no slip any
	 * more. */
	return best && best_distance <= 1 + strlen(best) / 3 ? best : NULL;
}
