/* SPDX-License-Identifier: Apache-2.0 */
/* burn-key-digest: digests of public keys, and the purposes that there are. */
#include "config.h"

#include "flasher/efuse/efuses_int.h"

#include <stdlib.h>

enum { DIGEST = 32 };

/* Where the chip has one place for the digest only: that purpose. NULL: it has several.
 */
static const struct em_efuse_purpose *only_digest(const struct em_efuses *e)
{
    for (size_t i = 0; i < e->view.table->purpose_count; i++)
        if (e->view.table->purposes[i].in_block && e->view.table->purposes[i].digest)
            return &e->view.table->purposes[i];
    return NULL;
}

static enum em_status digest_key(const struct em_efuses *e, struct em_efuses_key *key,
                                 struct em_error *err)
{
    enum { FROM_REVISION = 300 };
    const struct em_efuse_purpose *only = only_digest(e);
    if (only != NULL && em_efuses_named(e, "CODING_SCHEME") != NULL) { /* ESP32 */
        if (e->state.scheme == EM_EFUSE_SCHEME_34)
            return em_error_set(err, EM_ERR_REFUSED, "use a chip without coding scheme",
                                "a digest of 32 bytes does not fit under the 3/4 coding");
        if (e->view.revision < FROM_REVISION)
            return em_error_set(err, EM_ERR_UNSUPPORTED, "secure boot V1 needs no digest",
                                "secure boot V2 is there from revision v3.0 on, this is "
                                "v%u.%u",
                                e->view.revision / 100, e->view.revision % 100);
        key->block = only->name;
        key->purpose = NULL;
        return EM_OK;
    }
    if (only != NULL) {
        key->block = e->view.table->blocks[only->block].name;
        key->purpose = only->name;
        return EM_OK;
    }
    const struct em_efuse_purpose *purpose =
        key->purpose == NULL ? NULL : em_efuse_purpose_find(&e->view, key->purpose);
    if (key->block == NULL || purpose == NULL || !purpose->digest)
        return em_error_set(err, EM_ERR_USAGE, "take SECURE_BOOT_DIGEST0, 1 or 2",
                            "'%.64s' is no purpose for the digest of a public key",
                            key->purpose == NULL ? "" : key->purpose);
    return EM_OK;
}

enum em_status em_efuses_stage_key_digests(struct em_efuses *e,
                                           const struct em_efuses_key *keys, size_t count,
                                           const struct em_efuses_key_options *options,
                                           struct em_error *err)
{
    struct em_efuses_key *made = calloc(count + 1, sizeof *made);
    uint8_t(*digests)[DIGEST] = calloc(count + 1, sizeof *digests);
    enum em_status status = made == NULL || digests == NULL ? em_error_nomem(err) : EM_OK;
    for (size_t i = 0; i < count && status == EM_OK; i++) {
        made[i] = keys[i];
        status = digest_key(e, &made[i], err);
        if (status == EM_OK)
            status = em_efuses_pem_digest(keys[i].data, keys[i].len, digests[i], err);
        made[i].data = digests[i];
        made[i].len = DIGEST;
    }
    if (status == EM_OK)
        status = em_efuses_stage_keys(e, made, count, options, err);
    free(made);
    free(digests);
    return em_efuses_stage_done(e, status);
}

const char *em_efuses_purpose(const struct em_efuses *e, size_t idx)
{
    for (size_t i = 0; i < e->view.table->purpose_count; i++) {
        const struct em_efuse_purpose *purpose = &e->view.table->purposes[i];
        if ((purpose->editions & e->view.edition) != 0 && idx-- == 0)
            return purpose->name;
    }
    return NULL;
}

bool em_efuses_purpose_is_pem(const struct em_efuses *e, const char *name)
{
    const struct em_efuse_purpose *purpose = em_efuse_purpose_find(&e->view, name);
    return purpose != NULL && purpose->pem;
}
