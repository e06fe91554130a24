-- SPDX-License-Identifier: Apache-2.0
-- Shows tshark and Wireshark what is in the captures of `aerie attest --capture` and `aerie spdm-responder --capture`:
--
--     tshark -X lua_script:docs/spdm-doe.lua -r exchange.pcap
--
-- Their link type, 292, is the one of DMTF's spdm_dump for DOE objects; Wireshark knows it as ZBOSS NCP.

local doe = Proto("doe", "PCIe Data Object Exchange")
local spdm = Proto("spdm", "Security Protocol and Data Model")

local kinds = {[0] = "DOE discovery", [1] = "SPDM", [2] = "Secured SPDM"}
local codes = {
	[0x84] = "GET_VERSION", [0xe1] = "GET_CAPABILITIES", [0xe3] = "NEGOTIATE_ALGORITHMS", [0x81] = "GET_DIGESTS",
	[0x82] = "GET_CERTIFICATE", [0x83] = "CHALLENGE", [0xe0] = "GET_MEASUREMENTS", [0xe4] = "KEY_EXCHANGE",
	[0xe5] = "FINISH", [0xe8] = "HEARTBEAT", [0xe9] = "KEY_UPDATE", [0xea] = "GET_ENCAPSULATED_REQUEST",
	[0xeb] = "DELIVER_ENCAPSULATED_RESPONSE", [0xec] = "END_SESSION", [0xfe] = "VENDOR_DEFINED_REQUEST",
	[0xff] = "RESPOND_IF_READY", [0x85] = "CHUNK_SEND", [0x86] = "CHUNK_GET",
	[0x04] = "VERSION", [0x61] = "CAPABILITIES", [0x63] = "ALGORITHMS", [0x01] = "DIGESTS", [0x02] = "CERTIFICATE",
	[0x03] = "CHALLENGE_AUTH", [0x60] = "MEASUREMENTS", [0x64] = "KEY_EXCHANGE_RSP", [0x65] = "FINISH_RSP",
	[0x68] = "HEARTBEAT_ACK", [0x69] = "KEY_UPDATE_ACK", [0x6a] = "ENCAPSULATED_REQUEST",
	[0x6b] = "ENCAPSULATED_RESPONSE_ACK", [0x6c] = "END_SESSION_ACK", [0x7e] = "VENDOR_DEFINED_RESPONSE",
	[0x05] = "CHUNK_SEND_ACK", [0x06] = "CHUNK_RESPONSE", [0x7f] = "ERROR",
}

doe.fields.vendor = ProtoField.uint16("doe.vendor", "Vendor", base.HEX)
doe.fields.type = ProtoField.uint8("doe.type", "Data object type", base.DEC, kinds)
doe.fields.length = ProtoField.uint32("doe.length", "Length in DWs", base.DEC)
spdm.fields.version = ProtoField.uint8("spdm.version", "Version", base.HEX)
spdm.fields.code = ProtoField.uint8("spdm.code", "Code", base.HEX, codes)
spdm.fields.param1 = ProtoField.uint8("spdm.param1", "Param1", base.HEX)
spdm.fields.param2 = ProtoField.uint8("spdm.param2", "Param2", base.HEX)
spdm.fields.session = ProtoField.uint32("spdm.session", "Session", base.HEX)
spdm.fields.data = ProtoField.bytes("spdm.data", "Data")

local function message(buf, pinfo, tree)
	local item = tree:add(spdm, buf)

	item:add(spdm.fields.version, buf(0, 1))
	item:add(spdm.fields.code, buf(1, 1))
	item:add(spdm.fields.param1, buf(2, 1))
	item:add(spdm.fields.param2, buf(3, 1))
	if buf:len() > 4 then
		item:add(spdm.fields.data, buf(4))
	end
	pinfo.cols.info = string.format("%s, SPDM %x.%x", codes[buf(1, 1):uint()] or "unknown", buf(0, 1):bitfield(0, 4),
					buf(0, 1):bitfield(4, 4))
end

function doe.dissector(buf, pinfo, tree)
	if buf:len() < 8 then
		return 0
	end
	local item = tree:add(doe, buf(0, 8))
	local kind, rest = buf(2, 1):uint(), buf:range(8)

	item:add_le(doe.fields.vendor, buf(0, 2))
	item:add(doe.fields.type, buf(2, 1))
	item:add_le(doe.fields.length, buf(4, 4))
	pinfo.cols.protocol = "DOE"
	pinfo.cols.info = kinds[kind] or "unknown object"
	if kind == 1 and rest:len() >= 4 then
		pinfo.cols.protocol = "SPDM"
		message(rest:tvb(), pinfo, tree)
	elseif kind == 2 and rest:len() >= 4 then
		local inner = tree:add(spdm, rest)

		pinfo.cols.protocol = "SPDM"
		inner:add_le(spdm.fields.session, rest(0, 4))
		inner:add(spdm.fields.data, rest(4))
		pinfo.cols.info = string.format("secured message, session 0x%08x", rest(0, 4):le_uint())
	end
	return buf:len()
end

local ZBOSS_NCP = 214 -- what Wireshark makes of link type 292
DissectorTable.get("wtap_encap"):add(wtap and wtap.ZBNCP or ZBOSS_NCP, doe)
