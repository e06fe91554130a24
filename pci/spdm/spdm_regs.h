/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of SPDM (DMTF DSP0274 1.2 to 1.4) and of its secured messages (DSP0277); all fields are little-endian. */
#ifndef AERIE_SPDM_REGS_H
#define AERIE_SPDM_REGS_H

#include "bits.h"

/* The version byte of a message; VERSION lists them as 16 bits, in bits 15:8. GET_VERSION itself is always 1.0. */
#define SPDM_VERSION_10 0x10u
#define SPDM_VERSION_12 0x12u
#define SPDM_VERSION_13 0x13u
#define SPDM_VERSION_14 0x14u

/* Offsets of the header, which every message has */
#define SPDM_HDR_VERSION 0u
#define SPDM_HDR_CODE	 1u
#define SPDM_HDR_PARAM1	 2u
#define SPDM_HDR_PARAM2	 3u
#define SPDM_HDR_LEN	 4u

/* Requests (table "SPDM request codes"); the response to each is the code without bit 7. */
#define SPDM_REQUEST_BIT	  0x80u
#define SPDM_GET_DIGESTS	  0x81u
#define SPDM_GET_CERTIFICATE	  0x82u
#define SPDM_CHALLENGE		  0x83u
#define SPDM_GET_VERSION	  0x84u
#define SPDM_CHUNK_SEND		  0x85u
#define SPDM_CHUNK_GET		  0x86u
#define SPDM_GET_MEASUREMENTS	  0xe0u
#define SPDM_GET_CAPABILITIES	  0xe1u
#define SPDM_NEGOTIATE_ALGORITHMS 0xe3u
#define SPDM_KEY_EXCHANGE	  0xe4u
#define SPDM_FINISH		  0xe5u
#define SPDM_PSK_EXCHANGE	  0xe6u
#define SPDM_PSK_FINISH		  0xe7u
#define SPDM_HEARTBEAT		  0xe8u
#define SPDM_KEY_UPDATE		  0xe9u
#define SPDM_GET_ENCAP_REQUEST	  0xeau
#define SPDM_DELIVER_ENCAP_RSP	  0xebu
#define SPDM_END_SESSION	  0xecu
#define SPDM_VENDOR_REQUEST	  0xfeu
#define SPDM_RESPOND_IF_READY	  0xffu
#define SPDM_ERROR		  0x7fu
#define SPDM_RESPONSE(request)	  ((request)&0x7fu)

/* ERROR, param1 */
#define SPDM_ERR_INVALID_REQUEST    0x01u
#define SPDM_ERR_BUSY		    0x03u
#define SPDM_ERR_UNEXPECTED_REQUEST 0x04u
#define SPDM_ERR_UNSPECIFIED	    0x05u
#define SPDM_ERR_DECRYPT	    0x06u
#define SPDM_ERR_UNSUPPORTED	    0x07u /* param2: the request code */
#define SPDM_ERR_IN_FLIGHT	    0x08u
#define SPDM_ERR_INVALID_RESPONSE   0x09u
#define SPDM_ERR_SESSION_LIMIT	    0x0au
#define SPDM_ERR_SESSION_REQUIRED   0x0bu
#define SPDM_ERR_RESET_REQUIRED	    0x0cu
#define SPDM_ERR_RSP_TOO_LARGE	    0x0du
#define SPDM_ERR_REQ_TOO_LARGE	    0x0eu
#define SPDM_ERR_LARGE_RESPONSE	    0x0fu /* extended: the handle for CHUNK_GET */
#define SPDM_ERR_MESSAGE_LOST	    0x10u
#define SPDM_ERR_INVALID_POLICY	    0x11u
#define SPDM_ERR_VERSION_MISMATCH   0x41u
#define SPDM_ERR_NOT_READY	    0x42u /* extended: RDTExponent, request code, token, RDTM */
#define SPDM_ERR_RESYNCH	    0x43u
#define SPDM_ERR_OPERATION_FAILED   0x44u
#define SPDM_ERR_NO_PENDING	    0x45u
#define SPDM_ERR_VENDOR		    0xffu

/* Capability flags of both ends, but where an end is named */
#define SPDM_CAP_CERT		     BIT32(1)
#define SPDM_CAP_CHAL		     BIT32(2)
#define SPDM_CAP_MEAS_MASK	     MASK32(4, 3) /* responder */
#define SPDM_CAP_MEAS_PLAIN	     BIT32(3)
#define SPDM_CAP_MEAS_SIGNED	     BIT32(4)
#define SPDM_CAP_MEAS_FRESH	     BIT32(5) /* responder */
#define SPDM_CAP_ENCRYPT	     BIT32(6)
#define SPDM_CAP_MAC		     BIT32(7)
#define SPDM_CAP_MUT_AUTH	     BIT32(8)
#define SPDM_CAP_KEY_EX		     BIT32(9)
#define SPDM_CAP_PSK_MASK	     MASK32(11, 10)
#define SPDM_CAP_ENCAP		     BIT32(12)
#define SPDM_CAP_HBEAT		     BIT32(13)
#define SPDM_CAP_KEY_UPD	     BIT32(14)
#define SPDM_CAP_HANDSHAKE_IN_CLEAR  BIT32(15)
#define SPDM_CAP_PUB_KEY_ID	     BIT32(16)
#define SPDM_CAP_CHUNK		     BIT32(17)
#define SPDM_CAP_MULTI_KEY_MASK	     MASK32(27, 26) /* 1.3; 11b is reserved */
#define SPDM_CAP_EP_INFO_MASK	     MASK32(23, 22) /* 1.3; 11b is reserved */
#define SPDM_CAP_EVENT		     BIT32(25)	    /* 1.3 */
#define SPDM_CAP_LARGE_RESP	     BIT32(31)	    /* 1.4 */
#define SPDM_MIN_DATA_TRANSFER	     42u	    /* MinDataTransferSize: the largest message before CAPABILITIES */
#define SPDM_CAP_MULTI_KEY_ONLY	     BIT32(26)	    /* of SPDM_CAP_MULTI_KEY_MASK: several keys, in any case */
#define SPDM_MAX_CT_EXPONENT	     31u	    /* 2^31 us, over half an hour */
#define SPDM_CAPABILITIES_PARAM1_ALG 0x01u	    /* 1.3: also tell the algorithms */

/* Algorithms: BaseAsymAlgo, ReqBaseAsymAlg */
#define SPDM_ASYM_RSASSA_3072	BIT32(2)
#define SPDM_ASYM_RSAPSS_3072	BIT32(3)
#define SPDM_ASYM_P256		BIT32(4)
#define SPDM_ASYM_P384		BIT32(7)
#define SPDM_ASYM_ED25519	BIT32(10)
/* BaseHashAlgo; MeasurementHashAlgo has the same ones, a bit higher, above "raw bit stream only" */
#define SPDM_HASH_SHA256	BIT32(0)
#define SPDM_HASH_SHA384	BIT32(1)
#define SPDM_HASH_SHA512	BIT32(2)
#define SPDM_MEAS_HASH_RAW	BIT32(0)
#define SPDM_MEAS_HASH_SHA256	BIT32(1)
#define SPDM_MEAS_HASH_SHA384	BIT32(2)
#define SPDM_MEAS_HASH_SHA512	BIT32(3)
#define SPDM_MEAS_SPEC_DMTF	BIT32(0)
/* DHE groups, AEAD, key schedule */
#define SPDM_DHE_FFDHE2048	BIT32(0)
#define SPDM_DHE_FFDHE3072	BIT32(1)
#define SPDM_DHE_FFDHE4096	BIT32(2)
#define SPDM_DHE_P256		BIT32(3)
#define SPDM_DHE_P384		BIT32(4)
#define SPDM_AEAD_AES128	BIT32(0)
#define SPDM_AEAD_AES256	BIT32(1)
#define SPDM_AEAD_CHACHA20	BIT32(2)
#define SPDM_SCHEDULE_SPDM	BIT32(0)
/* OtherParamsSupport and OtherParamsSelection */
#define SPDM_OPAQUE_FORMAT1	BIT32(1) /* general opaque data format */
#define SPDM_OPAQUE_FORMATS	MASK32(3, 0)
#define SPDM_MULTI_KEY_CONN	BIT32(4) /* 1.3: the peer shall tell its keys apart, see struct spdm_link */
#define SPDM_MAX_NEGOTIATE	128u	 /* bytes of NEGOTIATE_ALGORITHMS */
/* Algorithm structure tables: type, count byte (7:4 fixed bytes, 3:0 external algorithms), mask */
#define SPDM_ALG_TABLE_DHE	0x02u
#define SPDM_ALG_TABLE_AEAD	0x03u
#define SPDM_ALG_TABLE_REQ_ASYM 0x04u
#define SPDM_ALG_TABLE_SCHEDULE 0x05u
#define SPDM_ALG_TABLE_COUNT	0x20u
#define SPDM_ALG_TABLE_LEN	4u

/* GET_MEASUREMENTS: param1 and operation; blocks of DMTF's measurement specification */
#define SPDM_MEAS_SIGN	       0x01u
#define SPDM_MEAS_RAW	       0x02u
#define SPDM_MEAS_OP_COUNT     0x00u
#define SPDM_MEAS_OP_ALL       0xffu
#define SPDM_MEAS_INDEX_MAX    0xfeu
#define SPDM_MEAS_SLOT_MASK    0x0fu
#define SPDM_MEAS_CHANGED_MASK 0x30u /* content changed: 0 not detected, 1 changed, 2 did not */
#define SPDM_MEAS_CHANGED      0x10u
#define SPDM_MEAS_UNCHANGED    0x20u
#define SPDM_MEAS_TYPE_MASK    0x7fu
#define SPDM_MEAS_TYPE_RAW     0x80u
/* Measurement summaries of CHALLENGE and KEY_EXCHANGE */
#define SPDM_SUMMARY_NONE      0x00u
#define SPDM_SUMMARY_TCB       0x01u
#define SPDM_SUMMARY_ALL       0xffu

/* KEY_EXCHANGE_RSP: MutAuthRequested; FINISH: param1; KEY_UPDATE: operations; END_SESSION: param1 */
#define SPDM_MUT_AUTH_PLAIN   0x01u /* the responder knows the requester's chain */
#define SPDM_MUT_AUTH_ENCAP   0x02u /* by GET_ENCAPSULATED_REQUEST */
#define SPDM_MUT_AUTH_DIGESTS 0x04u /* the first encapsulated request, GET_DIGESTS, is implied */
#define SPDM_POLICY_EVENT_ALL 0x02u /* KEY_EXCHANGE, session policy, 1.3: subscribe to all events */
#define SPDM_FINISH_SIGNED    0x01u
#define SPDM_UPDATE_KEY	      0x01u
#define SPDM_UPDATE_ALL	      0x02u
#define SPDM_VERIFY_KEY	      0x03u
#define SPDM_END_CLEAR_STATE  0x01u

/* Chunks: param1; ENCAPSULATED_RESPONSE_ACK: param2 */
#define SPDM_CHUNK_LAST	    0x01u
#define SPDM_CHUNK_EARLY    0x01u /* CHUNK_SEND_ACK: an error was found before the last chunk */
#define SPDM_ENCAP_ABSENT   0x00u
#define SPDM_ENCAP_PRESENT  0x01u
#define SPDM_ENCAP_REQ_SLOT 0x02u

/* Vendor-defined messages: standard bodies */
#define SPDM_STANDARD_PCISIG 3u

/* Message types of MCTP (DSP0239), the byte before every message of the MCTP binding, inside secured ones too */
#define SPDM_MCTP_TYPE_SPDM    0x05u
#define SPDM_MCTP_TYPE_SECURED 0x06u

/*
 * DSP0277: header of a secured message, and its opaque data elements. Over DOE no sequence number travels, over MCTP
 * (DSP0276) its two low bytes stand behind the session id.
 */
#define SPDM_SECURED_HDR_LEN	6u /* u32 session id, u16 length of ciphertext and tag; also the additional data */
#define SPDM_SECURED_MCTP_SEQ	2u
#define SPDM_SECURED_APP_LEN	2u /* u16 length of the message, first bytes of the plain text */
#define SPDM_SECURED_TAG_LEN	16u
#define SPDM_SECURED_IV_LEN	12u
#define SPDM_SECURED_VERSION_10 0x1000u
#define SPDM_SECURED_VERSION_11 0x1100u
#define SPDM_SECURED_VERSION_12 0x1200u
#define SPDM_OPAQUE_SELECTION	0u
#define SPDM_OPAQUE_VERSIONS	1u

/* Sizes */
#define SPDM_NONCE_LEN	      32u
#define SPDM_CONTEXT_LEN      8u
#define SPDM_MAX_OPAQUE	      1024u
#define SPDM_SIGN_PREFIX_LEN  64u
#define SPDM_SIGN_CONTEXT_LEN 100u

#endif
