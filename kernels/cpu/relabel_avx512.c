/* SPDX-License-Identifier: Apache-2.0 */
/* relabel, sixteen ids at once, with the results of sn__cpu_relabel. Compiled for AVX-512 alone.
 *
 * Entries are gathered; those of new nodes get the next labels in order of their lanes, and are
 * scattered. That is right unless one new node comes twice among the sixteen, which is found before
 * anything is written: those sixteen are labelled one by one. */
#ifdef __x86_64__

#    include "kernels/cpu/lanes_avx512.h"
#    include "kernels/cpu/relabel.h"

/* Without optimisation gcc's gathers and scatters are macros that convert masks. */
#    pragma GCC diagnostic ignored "-Wsign-conversion"

typedef struct labelling {
    uint32_t *entries, base, next;
    int64_t *tail; /* behind the last node of the list */
} labelling;

static void label_singly(labelling *state, const int64_t *ids, size_t count, uint32_t *labels)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t *entry = &state->entries[ids[i]];
        if (*entry < state->base) {
            *entry = state->next++;
            *state->tail++ = ids[i];
        }
        labels[i] = *entry - state->base;
    }
}

/* Widens the lanes of `mask`, packed to the front; writes sixteen. */
static inline void append(labelling *state, __mmask16 mask, __m512i ids)
{
    __m512i packed = _mm512_maskz_compress_epi32(mask, ids);
    _mm512_storeu_si512(state->tail, _mm512_cvtepu32_epi64(_mm512_castsi512_si256(packed)));
    _mm512_storeu_si512(state->tail + 8,
                        _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(packed, 1)));
    state->tail += __builtin_popcount(mask);
}

static inline void label_sixteen(labelling *state, __mmask16 in, const int64_t *ids,
                                 uint32_t *labels)
{
    const __m512i number = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i base = lanes_set(state->base);
    const __m512i different =
        _mm512_sub_epi32(_mm512_set1_epi32(-1), number); /* no id: below 2^31 */
    __m512i id, unused;
    lanes_split(ids, &id, &unused);
    __m512i entry = _mm512_mask_i32gather_epi32(base, in, id, state->entries, 4);
    __mmask16 is_new = _mm512_cmplt_epu32_mask(entry, base);
    __m512i twice = _mm512_conflict_epi32(_mm512_mask_mov_epi32(different, is_new, id));
    if (__builtin_expect(_mm512_test_epi32_mask(twice, twice) != 0, 0)) {
        label_singly(state, ids, (size_t)__builtin_popcount(in), labels);
        return;
    }
    __m512i fresh = _mm512_add_epi32(number, lanes_set(state->next));
    __m512i label = _mm512_mask_expand_epi32(entry, is_new, fresh);
    _mm512_mask_i32scatter_epi32(state->entries, is_new, id, label, 4);
    append(state, is_new, id);
    state->next += (uint32_t)__builtin_popcount(is_new);
    lanes_store(labels, _mm512_sub_epi32(label, base));
}

void sn__relabel_avx512(sn__node_list *list, const int64_t *ids, size_t count, uint32_t *labels)
{
    /* Indices of a gather are signed. */
    if (list->map.slots != NULL || list->map.size > INT32_MAX) {
        sn__cpu_relabel(list, ids, count, labels);
        return;
    }
    SN_ASSERT(list->capacity - list->count >= count + SN__SLACK);
    labelling state = { .entries = list->map.entries,
                        .base = list->map.base,
                        .next = list->map.base + (uint32_t)list->count,
                        .tail = list->ids + list->count };
    size_t at = 0;
    for (; at + 16 <= count; at += 16)
        label_sixteen(&state, 0xFFFF, ids + at, labels + at);
    label_singly(&state, ids + at, count - at, labels + at);
    list->count = state.next - state.base;
}

#else
typedef int sn__other_processor; /* a file is not empty */
#endif
