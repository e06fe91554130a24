/* SPDX-License-Identifier: Apache-2.0 */
/* aerie spdm-responder: a device in software behind a socket, that also misbehaves on request. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bits.h"
#include "cli_priv.h"
#include "fd.h"
#include "log.h"
#include "soft_serve.h"
#include "spdm_addr.h"
#include "attest_pki.h"

#define MAX_BLOCKS 16u

static const struct cli_option options[] = {
	{"pki", 'k', "DIR", "certificates and key: DIR/chain.pem, DIR/key.pem (required)"},
	{"generate", 'g', NULL, "make them first, and DIR/root.pem, for a test"},
	{"name", 'n', "TEXT", "name of the PCI function in a generated certificate"},
	{"cert-fault", 'x', "NAME", "make it bad: expired, no-name, wrong-eku"},
	{"only", 'o', "LIST", "offer only these algorithms: p384,sha384,secp384r1,aes256 ... (see aerie(1))"},
	{"versions", 'e', "LIST", "SPDM versions: 1.2,1.3,1.4"},
	{"measurement", 'm', "I:TYPE:TEXT", "measure TEXT as index I, kind TYPE (0 ROM, 1 firmware ...); repeatable"},
	{"bar", 'b', "N:ADDR:SIZE", "report this BAR, hexadecimal; repeatable (default 0:10000000:4000)"},
	{"heartbeat", 'B', "SECONDS", "want a heartbeat that often"},
	{"no-ide", 'I', NULL, "knows no IDE_KM, and locks without keys"},
	{"unkeyed", 'u', NULL, "locks although its link has no keys"},
	{"no-tdisp", 'T', NULL, "knows no TDISP"},
	{"fault", 'f', "NAME", "misbehave; one of SPDM and one of the device (list: --fault help)"},
	{"when", 'w', "FILE", "faults of a running interface wait until FILE exists"},
	{"capture", 'c', "FILE", "write the exchange there, in pcap format"},
	{"once", '1', NULL, "end when the first peer has left"},
	{"anywhere", 'a', NULL, "listen on addresses other than loopback, too"},
	{0},
};

struct responder {
	const char *pki, *where, *capture, *when;
	bool generate, once, anywhere, has_bars;
	struct attest_pki_config cert;
	struct spdm_block blocks[MAX_BLOCKS];
	struct soft_device_config device;
};

/* Algorithms by the names of --only, each a bit of one member of struct spdm_algs. */
static const struct {
	const char *name;
	enum { ASYM, HASH, DHE, AEAD } kind;
	uint32_t bit;
} algorithms[] = {
	{"p256", ASYM, SPDM_ASYM_P256},
	{"p384", ASYM, SPDM_ASYM_P384},
	{"rsassa3072", ASYM, SPDM_ASYM_RSASSA_3072},
	{"rsapss3072", ASYM, SPDM_ASYM_RSAPSS_3072},
	{"ed25519", ASYM, SPDM_ASYM_ED25519},
	{"sha256", HASH, SPDM_HASH_SHA256},
	{"sha384", HASH, SPDM_HASH_SHA384},
	{"sha512", HASH, SPDM_HASH_SHA512},
	{"secp256r1", DHE, SPDM_DHE_P256},
	{"secp384r1", DHE, SPDM_DHE_P384},
	{"ffdhe2048", DHE, SPDM_DHE_FFDHE2048},
	{"ffdhe3072", DHE, SPDM_DHE_FFDHE3072},
	{"ffdhe4096", DHE, SPDM_DHE_FFDHE4096},
	{"aes128", AEAD, SPDM_AEAD_AES128},
	{"aes256", AEAD, SPDM_AEAD_AES256},
	{"chacha20", AEAD, SPDM_AEAD_CHACHA20},
};

static bool parse_algorithms(char *list, struct spdm_algs *algs)
{
	uint32_t masks[4] = {0};
	char *word;

	while ((word = strsep(&list, ","))) {
		size_t i = 0;

		while (i < ARRAY_LEN(algorithms) && strcmp(algorithms[i].name, word) != 0)
			i++;
		if (i == ARRAY_LEN(algorithms))
			return false;
		masks[algorithms[i].kind] |= algorithms[i].bit;
	}
	algs->asym = masks[ASYM] ? masks[ASYM] : algs->asym;
	algs->hash = masks[HASH] ? masks[HASH] : algs->hash;
	algs->meas_hash = masks[HASH] ? masks[HASH] << 1 : algs->meas_hash; /* the same ones, a bit higher */
	algs->dhe = masks[DHE] ? (uint16_t)masks[DHE] : algs->dhe;
	algs->aead = masks[AEAD] ? (uint16_t)masks[AEAD] : algs->aead;
	return true;
}

static bool parse_versions(char *list, uint32_t *versions)
{
	char *word;

	*versions = 0;
	while ((word = strsep(&list, ","))) {
		if (strlen(word) != 3 || word[0] != '1' || word[1] != '.' || word[2] < '2' || word[2] > '4')
			return false;
		*versions |= SPDM_VERSION_BIT(0x10u + (unsigned)(word[2] - '0'));
	}
	return true;
}

static bool parse_measurement(struct responder *r, const char *text)
{
	struct spdm_block *block = &r->blocks[r->device.nr_blocks];
	unsigned index, type;
	int at = -1;

	if (r->device.nr_blocks == MAX_BLOCKS || sscanf(text, "%3u:%1u:%n", &index, &type, &at) != 2 || at < 0 ||
	    index == 0 || index > SPDM_MEAS_INDEX_MAX || type > 7 || strlen(text + at) > UINT16_MAX)
		return false;
	if (r->device.nr_blocks && index <= block[-1].index)
		return false;
	*block = (struct spdm_block){
		.index = (uint8_t)index,
		.type = (uint8_t)type,
		.len = (uint16_t)strlen(text + at),
		.value = (const uint8_t *)text + at,
	};
	r->device.nr_blocks++;
	return true;
}

static bool parse_bar(struct responder *r, const char *text)
{
	unsigned long long addr, size;
	unsigned n;
	int end = -1;

	if (sscanf(text, "%1u:%16llx:%16llx%n", &n, &addr, &size, &end) != 3 || text[end] || n >= TDISP_NR_BARS ||
	    addr % 4096 || size == 0 || size > UINT64_MAX - addr)
		return false;
	r->device.bars[n] = (struct tdisp_bar){addr, size};
	r->has_bars = true;
	return true;
}

static bool parse_cert_fault(struct responder *r, const char *name)
{
	if (strcmp(name, "expired") == 0)
		r->cert.expired = true;
	else if (strcmp(name, "no-name") == 0)
		r->cert.name = NULL;
	else if (strcmp(name, "wrong-eku") == 0)
		r->cert.wrong_eku = true;
	else
		return false;
	return true;
}

static int list_faults(struct cli_args *args)
{
	for (unsigned f = 0; f < SPDM_FAULT_COUNT; f++)
		printf("%-20s %s\n", spdm_fault_name((enum spdm_fault)f), spdm_fault_text((enum spdm_fault)f));
	for (unsigned f = 1; f < SOFT_FAULT_COUNT; f++)
		printf("%-20s %s\n", soft_fault_name((enum soft_fault)f), soft_fault_text((enum soft_fault)f));
	args->status = MACHINE_DONE;
	return -1;
}

/* Options whose argument can be wrong. NULL, or what would be right. */
static const char *parse_checked(struct responder *r, int letter)
{
	char *end;
	unsigned long n;

	switch (letter) {
	case 'x':
		return parse_cert_fault(r, optarg) ? NULL : "expired, no-name or wrong-eku";
	case 'o':
		return parse_algorithms(optarg, &r->device.profile.algs) ? NULL : "names of algorithms, see aerie(1)";
	case 'e':
		return parse_versions(optarg, &r->device.profile.versions) ? NULL : "1.2, 1.3 and 1.4, with commas";
	case 'm':
		return parse_measurement(r, optarg) ? NULL : "like 1:0:text, ascending indices";
	case 'b':
		return parse_bar(r, optarg) ? NULL : "like 0:10000000:4000, a page-aligned address";
	case 'f':
		return soft_device_fault(&r->device, optarg) ? NULL : "a name that --fault help lists";
	default:
		n = strtoul(optarg, &end, 10);
		r->device.heartbeat_s = (uint8_t)n;
		return *end == '\0' && n <= 255 ? NULL : "up to 255 seconds";
	}
}

static int parse_option(struct cli_args *args, struct responder *r, int letter)
{
	const char *wanted;

	switch (letter) {
	case 'k':
		r->pki = optarg;
		return 0;
	case 'g':
		r->generate = true;
		return 0;
	case 'n':
		r->cert.name = optarg;
		return 0;
	case 'I':
		r->device.ide = false;
		return 0;
	case 'u':
		r->device.unkeyed = true;
		return 0;
	case 'T':
		r->device.tdisp = false;
		return 0;
	case 'w':
		r->when = optarg;
		return 0;
	case 'c':
		r->capture = optarg;
		return 0;
	case '1':
		r->once = true;
		return 0;
	case 'a':
		r->anywhere = true;
		return 0;
	case 'f':
		if (strcmp(optarg, "help") == 0)
			return list_faults(args);
		break;
	default:
		break;
	}
	wanted = parse_checked(r, letter);
	return wanted ? cli_refuse(args, "%.64s: must be %s", optarg, wanted) : 0;
}

static int parse(struct cli_args *args, struct responder *r)
{
	int letter, status = 0;

	while (status == 0 && (letter = cli_next(args)) > 0)
		status = parse_option(args, r, letter);
	if (status)
		return status;
	if (letter < 0)
		return args->status == MACHINE_DONE ? -1 : args->status;
	if (args->argc - optind != 1)
		return cli_refuse(args, args->argc == optind ? "where to listen?" : "more than one address");
	if (!r->pki)
		return cli_refuse(args, "which certificates? Give --pki DIR, with --generate for a test");
	r->where = args->argv[optind];
	return 0;
}

static bool fault_due(void *opaque)
{
	const struct responder *r = opaque;

	return access(r->when, F_OK) == 0;
}

static void fill_defaults(struct responder *r)
{
	static const struct spdm_block defaults[] = {
		{.index = 1, .type = 0, .value = (const uint8_t *)"aerie test ROM", .len = 14},
		{.index = 2, .type = 1, .value = (const uint8_t *)"aerie test firmware", .len = 19},
		{.index = 3, .type = 3, .value = (const uint8_t *)"aerie test configuration", .len = 24},
	};

	if (!r->device.nr_blocks) {
		memcpy(r->blocks, defaults, sizeof(defaults));
		r->device.nr_blocks = ARRAY_LEN(defaults);
	}
	r->device.blocks = r->blocks;
	if (r->when) {
		r->device.fault_due = fault_due;
		r->device.opaque = r;
	}
	if (!r->has_bars)
		r->device.bars[0] = (struct tdisp_bar){0x10000000, 0x4000};
	/* The generated key is of the first algorithm that is offered, and then the only one that fits. */
	r->cert.asym = r->device.profile.algs.asym & SPDM_ASYM_P384
			       ? SPDM_ASYM_P384
			       : r->device.profile.algs.asym & -r->device.profile.algs.asym;
	if (r->generate)
		r->device.profile.algs.asym = r->cert.asym;
}

static int serve(struct responder *r, struct soft_device *dev, struct spdm_pcap *pcap)
{
	OWNED_FD int listener = spdm_addr_listen(r->where, r->anywhere);
	int err = 0;

	if (listener < 0)
		return MACHINE_REFUSED;
	if (spdm_addr_port(listener))
		printf("listening on port %u\n", spdm_addr_port(listener));
	else
		printf("listening on %s\n", r->where);
	fflush(stdout);
	do {
		OWNED_FD int fd = spdm_addr_accept(listener);

		if (fd < 0) {
			log_error("cannot take a connection: %s", strerror(-fd));
			return MACHINE_FAILED;
		}
		log_info("a peer has come");
		err = soft_serve(dev, fd, listener, pcap);
		log_info("the peer has left");
	} while (!r->once && err != 1);
	return err < 0 ? MACHINE_FAILED : MACHINE_DONE;
}

static int run(struct responder *r)
{
	char chain[PATH_MAX], key[PATH_MAX];
	struct spdm_identity *identity = NULL;
	struct soft_device *dev = NULL;
	struct spdm_pcap *pcap = NULL;
	int status = MACHINE_REFUSED;

	snprintf(chain, sizeof(chain), "%s/chain.pem", r->pki);
	snprintf(key, sizeof(key), "%s/key.pem", r->pki);
	signal(SIGPIPE, SIG_IGN);
	if ((!r->generate || attest_pki_generate(r->pki, &r->cert) == 0) &&
	    spdm_identity_load(chain, key, &identity) == 0) {
		r->device.identity = identity;
		if (soft_device_create(&dev, &r->device) == 0 &&
		    (!r->capture || spdm_pcap_create(&pcap, r->capture) == 0))
			status = serve(r, dev, pcap);
	}
	if (spdm_pcap_close(&pcap) < 0)
		status = MACHINE_FAILED;
	soft_device_destroy(&dev);
	spdm_identity_free(identity);
	return status;
}

static int responder_main(struct cli_args *args)
{
	struct responder r = {
		.cert = {.name = "Vendor=1b36:Device=0010:CC=010802:REV=02:SSVID=1af4:SSID=1100"},
		.device = {.profile = spdm_profile_responder(), .ide = true, .tdisp = true},
	};
	int status = parse(args, &r);

	if (status)
		return status < 0 ? MACHINE_DONE : status;
	fill_defaults(&r);
	return run(&r);
}

const struct cli_command cli_cmd_spdm_responder = {
	.name = "spdm-responder",
	.usage = "--pki DIR [OPTION...] ADDRESS",
	.summary = "be a device that speaks SPDM, on a socket",
	.help = "Listens at ADDRESS (127.0.0.1:2323, or the path of a Unix socket; port 0: any, printed) and answers as a\n"
		"device would: certificates, challenge, measurements, sessions, IDE_KM, TDISP. The framing is QEMU's: give\n"
		"its NVMe device spdm_port=2323. It has no registers: what it says of its link and its interface is all\n"
		"there is to them. One peer at a time, one after the other; a second one is turned away. For tests: its keys\n"
		"are files.",
	.example = "  aerie spdm-responder --pki pki --generate 127.0.0.1:2323\n"
		   "  aerie spdm-responder --pki pki --fault extra-range --once ./device.sock",
	.status = "  0  the peer asked for the end, or left (--once)\n"
		  "  1  the socket failed, or the last peer broke the framing\n"
		  "  2  the command line, a file or the address was refused",
	.options = options,
	.main = responder_main,
};
