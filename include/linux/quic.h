/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The socket ABI of QUIC on Linux: numbers and layouts. docs/abi.md says what they mean.
 * Made from crates/uapi by `cargo xtask header --write`. Do not edit.
 */
#ifndef _UAPI_LINUX_QUIC_H
#define _UAPI_LINUX_QUIC_H

#include <linux/types.h>

/* The protocol number of QUIC sockets, socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC). */
#ifndef IPPROTO_QUIC
#define IPPROTO_QUIC 261
#endif
/* The level of QUIC's socket options and control messages. */
#ifndef SOL_QUIC
#define SOL_QUIC 288
#endif
/* Control message carrying struct quic_stream_info. */
#define QUIC_STREAM_INFO 0
/* Control message carrying struct quic_handshake_info. */
#define QUIC_HANDSHAKE_INFO 1
/* Set in the identifier of a stream that the server opened. */
#define QUIC_STREAM_TYPE_SERVER_MASK 0x01
/* Set in the identifier of a unidirectional stream. */
#define QUIC_STREAM_TYPE_UNI_MASK 0x02
/* The bits of a stream identifier that tell its type. */
#define QUIC_STREAM_TYPE_MASK 0x03
/* QUIC version 1 (RFC 9000). */
#define QUIC_VERSION_V1 0x1
/* QUIC version 2 (RFC 9369). */
#define QUIC_VERSION_V2 0x6b3343cf
/* Application data: 1-RTT keys. */
#define QUIC_CRYPTO_APP 0
/* Initial keys. */
#define QUIC_CRYPTO_INITIAL 1
/* Handshake keys. */
#define QUIC_CRYPTO_HANDSHAKE 2
/* 0-RTT keys. */
#define QUIC_CRYPTO_EARLY 3
/* One past the last level. */
#define QUIC_CRYPTO_MAX 4
/* NewReno. */
#define QUIC_CONG_ALG_RENO 0
/* CUBIC. */
#define QUIC_CONG_ALG_CUBIC 1
/* One past the last congestion controller of the ABI. */
#define QUIC_CONG_ALG_MAX 2
/* BBR version 3. What is ours and not the ABI's begins at 64. */
#define QUIC_CONG_ALG_BBR 64
/* Bytes of a traffic secret in struct quic_crypto_secret. */
#define QUIC_CRYPTO_SECRET_BUFFER_SIZE 48
/* Bytes of a reason phrase in struct quic_connection_close. */
#define QUIC_CLOSE_PHRASE_BUFFER_SIZE 64
/* On send: open the stream (MSG_SYN). */
#define MSG_QUIC_STREAM_NEW 0x400
/* On send and receive: the stream ends after this message (MSG_FIN). */
#define MSG_QUIC_STREAM_FIN 0x200
/* With stream identifier -1: a unidirectional stream (MSG_CONFIRM). */
#define MSG_QUIC_STREAM_UNI 0x800
/* Do not block on the limit of streams (MSG_WAITFORONE). */
#define MSG_QUIC_STREAM_DONTWAIT 0x10000
/* Tell the peer when flow control or the limit of streams blocks (MSG_ERRQUEUE). */
#define MSG_QUIC_STREAM_SNDBLOCK 0x2000
/* The message is a datagram (MSG_RST). */
#define MSG_QUIC_DATAGRAM 0x1000
/* On receive: the message is an event (MSG_MORE). */
#define MSG_QUIC_NOTIFICATION 0x8000
/* Turn an event on or off, struct quic_event_option. */
#define QUIC_SOCKOPT_EVENT 0
/* Open a stream, struct quic_stream_info. */
#define QUIC_SOCKOPT_STREAM_OPEN 1
/* RESET_STREAM, struct quic_errinfo. */
#define QUIC_SOCKOPT_STREAM_RESET 2
/* STOP_SENDING, struct quic_errinfo. */
#define QUIC_SOCKOPT_STREAM_STOP_SENDING 3
/* Connection identifiers, struct quic_connection_id_info. */
#define QUIC_SOCKOPT_CONNECTION_ID 4
/* How the connection is or was closed, struct quic_connection_close. */
#define QUIC_SOCKOPT_CONNECTION_CLOSE 5
/* Move to another address, sockaddr_in or sockaddr_in6. */
#define QUIC_SOCKOPT_CONNECTION_MIGRATION 6
/* Start a key update. */
#define QUIC_SOCKOPT_KEY_UPDATE 7
/* Transport parameters, struct quic_transport_param. */
#define QUIC_SOCKOPT_TRANSPORT_PARAM 8
/* Configuration, struct quic_config. */
#define QUIC_SOCKOPT_CONFIG 9
/* Address validation token, bytes. */
#define QUIC_SOCKOPT_TOKEN 10
/* Application protocols, a list separated by commas. */
#define QUIC_SOCKOPT_ALPN 11
/* TLS session ticket or its key, bytes. */
#define QUIC_SOCKOPT_SESSION_TICKET 12
/* A traffic secret, struct quic_crypto_secret. */
#define QUIC_SOCKOPT_CRYPTO_SECRET 13
/* Transport parameters as TLS carries them, bytes. */
#define QUIC_SOCKOPT_TRANSPORT_PARAM_EXT 14
/* Server names of a listener, a list separated by commas; set and get. */
#define QUIC_SOCKOPT_SERVER_NAMES 64
/* Statistics of a connection, struct quic_statistics; get only. */
#define QUIC_SOCKOPT_STATISTICS 65
/* Priority of a stream, struct quic_stream_priority; set and get. */
#define QUIC_SOCKOPT_STREAM_PRIORITY 66
/* Whether recvmsg says 0 where the peer has closed in order, in place of ENOTCONN; an int, set and get. */
#define QUIC_SOCKOPT_EOF 67
/* How many microseconds close() goes on to deliver what was written; a u32, set and get. */
#define QUIC_SOCKOPT_LINGER 68
/* A descriptor of a stream's own, struct quic_stream_descriptor; get only. */
#define QUIC_SOCKOPT_STREAM_DESCRIPTOR 69
/* Whether the fates of datagrams sent from now on are kept, a u32, to be set; get takes the next, struct quic_datagram_fate. */
#define QUIC_SOCKOPT_DATAGRAM_FATES 70
/* Closed without an error. */
#define QUIC_TRANSPORT_ERROR_NONE 0x00
/* An internal error. */
#define QUIC_TRANSPORT_ERROR_INTERNAL 0x01
/* The server refuses connections. */
#define QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED 0x02
/* More data than a limit allows. */
#define QUIC_TRANSPORT_ERROR_FLOW_CONTROL 0x03
/* More streams than a limit allows. */
#define QUIC_TRANSPORT_ERROR_STREAM_LIMIT 0x04
/* A frame for a stream that may not have it. */
#define QUIC_TRANSPORT_ERROR_STREAM_STATE 0x05
/* The final size of a stream changed. */
#define QUIC_TRANSPORT_ERROR_FINAL_SIZE 0x06
/* A frame that cannot be read. */
#define QUIC_TRANSPORT_ERROR_FRAME_ENCODING 0x07
/* A transport parameter that cannot be. */
#define QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM 0x08
/* More connection identifiers than a limit allows. */
#define QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT 0x09
/* Any other breach of the protocol. */
#define QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION 0x0a
/* A token of a Retry packet that is not valid. */
#define QUIC_TRANSPORT_ERROR_INVALID_TOKEN 0x0b
/* The application closed while the handshake was under way. */
#define QUIC_TRANSPORT_ERROR_APPLICATION 0x0c
/* More handshake data than is buffered. */
#define QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED 0x0d
/* A key update that may not be. */
#define QUIC_TRANSPORT_ERROR_KEY_UPDATE 0x0e
/* A key has protected as many packets as it may. */
#define QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED 0x0f
/* No path to the peer is left. */
#define QUIC_TRANSPORT_ERROR_NO_VIABLE_PATH 0x10
/* The versions that were negotiated contradict each other (RFC 9368). */
#define QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION 0x11
/* TLS failed with the alert that is added to this. */
#define QUIC_TRANSPORT_ERROR_CRYPTO 0x100

/* Control message of handshake data. */
/* 1 bytes. */
struct quic_handshake_info {
	/* QUIC_CRYPTO_*. */
	__u8	crypto_level;	/* 0 */
};


/* Control message of stream data. */
/* 16 bytes. */
struct quic_stream_info {
	/* The stream's identifier; -1 for the active or the next one. */
	__s64	stream_id;	/* 0 */
	/* MSG_QUIC_STREAM_*. */
	__u32	stream_flags;	/* 8 */
};


/* Transport parameters; zero leaves one as it is. */
/* 56 bytes. */
struct quic_transport_param {
	/* 0 for our own, 1 for the peer's. */
	__u8	remote;	/* 0 */
	/* The endpoint does not migrate. */
	__u8	disable_active_migration;	/* 1 */
	/* The QUIC bit may be greased (RFC 9287). */
	__u8	grease_quic_bit;	/* 2 */
	/* A stateless reset token is sent. */
	__u8	stateless_reset;	/* 3 */
	/* 1-RTT packets are not encrypted. */
	__u8	disable_1rtt_encryption;	/* 4 */
	/* No compatible version negotiation. */
	__u8	disable_compatible_version;	/* 5 */
	/* Connection identifiers the endpoint stores. */
	__u8	active_connection_id_limit;	/* 6 */
	/* Scale of the acknowledgement delay. */
	__u8	ack_delay_exponent;	/* 7 */
	/* Longest DATAGRAM frame; zero for none. */
	__u16	max_datagram_frame_size;	/* 8 */
	/* Longest UDP payload. */
	__u16	max_udp_payload_size;	/* 10 */
	/* Idle timeout in microseconds. */
	__u32	max_idle_timeout;	/* 12 */
	/* Longest acknowledgement delay in microseconds. */
	__u32	max_ack_delay;	/* 16 */
	/* Bidirectional streams the peer may open. */
	__u16	max_streams_bidi;	/* 20 */
	/* Unidirectional streams the peer may open. */
	__u16	max_streams_uni;	/* 22 */
	/* Receive window of the connection. */
	__u64	max_data;	/* 24 */
	/* Receive window of bidirectional streams we open. */
	__u64	max_stream_data_bidi_local;	/* 32 */
	/* Receive window of bidirectional streams the peer opens. */
	__u64	max_stream_data_bidi_remote;	/* 40 */
	/* Receive window of unidirectional streams. */
	__u64	max_stream_data_uni;	/* 48 */
};


/* Configuration of a connection; zero leaves a number as it is. */
/* 28 bytes. */
struct quic_config {
	/* Version to begin with. */
	__u32	version;	/* 0 */
	/* Microseconds between probes for a larger MTU; 0 for none. */
	__u32	plpmtud_probe_interval;	/* 4 */
	/* First estimate of the round-trip time in microseconds. */
	__u32	initial_smoothed_rtt;	/* 8 */
	/* TLS_CIPHER_* wanted; a hint for whoever does the handshake. */
	__u32	payload_cipher_type;	/* 12 */
	/* QUIC_CONG_ALG_*. */
	__u8	congestion_control_algo;	/* 16 */
	/* Validate the peer's address by Retry. */
	__u8	validate_peer_address;	/* 17 */
	/* Send small writes at once. */
	__u8	stream_data_nodelay;	/* 18 */
	/* A hint: take session tickets. */
	__u8	receive_session_ticket;	/* 19 */
	/* A hint: ask for a certificate. */
	__u8	certificate_request;	/* 20 */
	/* Zero. */
	__u8	reserved[3];	/* 21 */
	/* Microseconds between keep-alive packets; 0 for none. */
	__u32	keepalive_probe_interval;	/* 24 */
};


/* A traffic secret of the handshake. */
/* 56 bytes. */
struct quic_crypto_secret {
	/* 1 when it protects what we send. */
	__u8	send;	/* 0 */
	/* QUIC_CRYPTO_*. */
	__u8	level;	/* 1 */
	/* Zero. */
	__u16	reserved;	/* 2 */
	/* TLS_CIPHER_* (type in C). */
	__u32	type;	/* 4 */
	/* The secret; 32 bytes of it for SHA-256, 48 for SHA-384. */
	__u8	secret[QUIC_CRYPTO_SECRET_BUFFER_SIZE];	/* 8 */
};


/* An error code for a stream. */
/* 16 bytes. */
struct quic_errinfo {
	/* The stream's identifier. */
	__s64	stream_id;	/* 0 */
	/* The application's error code. */
	__u32	errcode;	/* 8 */
};


/* State of the connection identifiers of one side. */
/* 12 bytes. */
struct quic_connection_id_info {
	/* 1 for the identifiers we send to. */
	__u8	dest;	/* 0 */
	/* Zero. */
	__u8	reserved[3];	/* 1 */
	/* Sequence number in use. */
	__u32	active;	/* 4 */
	/* Every identifier below it is retired. */
	__u32	prior_to;	/* 8 */
};


/* Turns an event on or off. */
/* 2 bytes. */
struct quic_event_option {
	/* The event's number (type in C). */
	__u8	type;	/* 0 */
	/* Whether it is delivered. */
	__u8	on;	/* 1 */
};


/* Event: a stream's state changed. */
/* 24 bytes. */
struct quic_stream_update {
	/* The stream's identifier. */
	__s64	id;	/* 0 */
	/* QUIC_STREAM_*_STATE_*. */
	__u8	state;	/* 8 */
	/* Zero. */
	__u8	reserved[3];	/* 9 */
	/* The application's error code. */
	__u32	errcode;	/* 12 */
	/* The stream's final size. */
	__u64	finalsz;	/* 16 */
};


/* Event: a stream may send more. */
/* 16 bytes. */
struct quic_stream_max_data {
	/* The stream's identifier. */
	__s64	id;	/* 0 */
	/* The new limit. */
	__u64	max_data;	/* 8 */
};


/* How a connection was or is to be closed. */
/* 72 bytes. */
struct quic_connection_close {
	/* The error code. */
	__u32	errcode;	/* 0 */
	/* The type of the frame that was at fault; 0 when the application closed. */
	__u8	frame;	/* 4 */
	/* Zero. */
	__u8	reserved[3];	/* 5 */
	/* The reason, ended by a zero byte. */
	__u8	phrase[QUIC_CLOSE_PHRASE_BUFFER_SIZE];	/* 8 */
};


/* The priority of a stream; an addition of this project. */
/* 16 bytes. */
struct quic_stream_priority {
	/* The stream's identifier. */
	__s64	stream_id;	/* 0 */
	/* Streams with a higher one send first; 0 to begin with. */
	__s32	priority;	/* 8 */
	/* Zero. */
	__u32	reserved;	/* 12 */
};


/* A descriptor for one stream; an addition of this project. */
/* 16 bytes. */
struct quic_stream_descriptor {
	/* The stream's identifier; -1 for the next one that the peer opened, or with MSG_QUIC_STREAM_NEW a new one. */
	__s64	stream_id;	/* 0 */
	/* MSG_QUIC_STREAM_NEW, MSG_QUIC_STREAM_UNI, MSG_QUIC_STREAM_DONTWAIT. */
	__u32	stream_flags;	/* 8 */
	/* Out: the descriptor. */
	__s32	descriptor;	/* 12 */
};


/* What became of a datagram; an addition of this project. */
/* 16 bytes. */
struct quic_datagram_fate {
	/* Which one: how many were sent before it while fates were kept. */
	__u64	number;	/* 0 */
	/* 1 when it was acknowledged, 0 when it is taken as lost. */
	__u32	acknowledged;	/* 8 */
	/* Zero. */
	__u32	reserved;	/* 12 */
};


/* Statistics of a connection; an addition of this project. */
/* 232 bytes. */
struct quic_statistics {
	/* Smoothed round-trip time in microseconds. */
	__u64	smoothed_rtt;	/* 0 */
	/* Lowest round-trip time in microseconds. */
	__u64	min_rtt;	/* 8 */
	/* Latest round-trip time in microseconds. */
	__u64	latest_rtt;	/* 16 */
	/* Congestion window in bytes. */
	__u64	congestion_window;	/* 24 */
	/* Bytes sent and not yet acknowledged. */
	__u64	bytes_in_flight;	/* 32 */
	/* Packets sent. */
	__u64	packets_sent;	/* 40 */
	/* Packets declared lost. */
	__u64	packets_lost;	/* 48 */
	/* Packets received. */
	__u64	packets_received;	/* 56 */
	/* UDP payload bytes sent. */
	__u64	bytes_sent;	/* 64 */
	/* UDP payload bytes received. */
	__u64	bytes_received;	/* 72 */
	/* Congestion events. */
	__u64	congestion_events;	/* 80 */
	/* Probe timeouts. */
	__u64	probe_timeouts;	/* 88 */
	/* Key updates, begun by either end. */
	__u64	key_updates;	/* 96 */
	/* From the first datagram to the complete handshake, in microseconds. */
	__u64	handshake;	/* 104 */
	/* Bytes in the UDP payload of a full packet. */
	__u64	datagram_size;	/* 112 */
	/* Paths that are known now, the active one included. */
	__u64	paths;	/* 120 */
	/* Times that the connection went to another path. */
	__u64	migrations;	/* 128 */
	/* Packets sent with an ECN mark. */
	__u64	ecn_marked;	/* 136 */
	/* Events that found no room. */
	__u64	events_dropped;	/* 144 */
	/* Datagrams sent. */
	__u64	datagrams_sent;	/* 152 */
	/* Datagrams received. */
	__u64	datagrams_received;	/* 160 */
	/* Datagrams received and thrown away because the program did not take them. */
	__u64	datagrams_dropped;	/* 168 */
	/* Datagrams sent and taken as lost. */
	__u64	datagrams_lost;	/* 176 */
	/* Bytes of the longest datagram that can be sent now; 0 where the peer takes none. */
	__u64	max_datagram;	/* 184 */
	/* Probes of the path's MTU sent. */
	__u64	mtu_probes;	/* 192 */
	/* Those that were lost. */
	__u64	mtu_probes_lost;	/* 200 */
	/* Times that the path ceased to carry a size which it had carried. */
	__u64	mtu_black_holes;	/* 208 */
	/* Validations of a path that failed. */
	__u64	paths_failed;	/* 216 */
	/* Whether the path carries ECN marks: 0 before it is tested, 1 while it is, 2 where it is not known, 3 if it does, 16 and more why not. */
	__u32	ecn;	/* 224 */
	/* Times that ECN was turned off. */
	__u32	ecn_failures;	/* 228 */
};


/* An event's type, the first byte of its message. */
enum quic_event_type {
	QUIC_EVENT_NONE = 0,
	/* A stream changed its state; struct quic_stream_update. */
	QUIC_EVENT_STREAM_UPDATE = 1,
	/* The peer raised a blocked stream's window; struct quic_stream_max_data. */
	QUIC_EVENT_STREAM_MAX_DATA = 2,
	/* The peer raised the limit of streams; the highest stream identifier, 8 bytes. */
	QUIC_EVENT_STREAM_MAX_STREAM = 3,
	/* Connection identifiers were replaced; struct quic_connection_id_info. */
	QUIC_EVENT_CONNECTION_ID = 4,
	/* The peer closed; struct quic_connection_close. */
	QUIC_EVENT_CONNECTION_CLOSE = 5,
	/* The path changed; 1 byte, 1 when it was our doing. */
	QUIC_EVENT_CONNECTION_MIGRATION = 6,
	/* The key phase changed; 1 byte. */
	QUIC_EVENT_KEY_UPDATE = 7,
	/* NEW_TOKEN arrived; the token. */
	QUIC_EVENT_NEW_TOKEN = 8,
	/* A TLS session ticket arrived; the TLS message. */
	QUIC_EVENT_NEW_SESSION_TICKET = 9,
	QUIC_EVENT_END,
	QUIC_EVENT_MAX = QUIC_EVENT_NEW_SESSION_TICKET,
};

/* Send side: nothing sent yet. */
#define QUIC_STREAM_SEND_STATE_READY 0
/* Send side: data sent. */
#define QUIC_STREAM_SEND_STATE_SEND 1
/* Send side: FIN sent. */
#define QUIC_STREAM_SEND_STATE_SENT 2
/* Send side: everything acknowledged. */
#define QUIC_STREAM_SEND_STATE_RECVD 3
/* Send side: RESET_STREAM sent. */
#define QUIC_STREAM_SEND_STATE_RESET_SENT 4
/* Send side: RESET_STREAM acknowledged. */
#define QUIC_STREAM_SEND_STATE_RESET_RECVD 5
/* Receive side: data comes in. */
#define QUIC_STREAM_RECV_STATE_RECV 6
/* Receive side: the final size is known. */
#define QUIC_STREAM_RECV_STATE_SIZE_KNOWN 7
/* Receive side: all data is here. */
#define QUIC_STREAM_RECV_STATE_RECVD 8
/* Receive side: all data was read. */
#define QUIC_STREAM_RECV_STATE_READ 9
/* Receive side: the peer reset the stream. */
#define QUIC_STREAM_RECV_STATE_RESET_RECVD 10
/* Receive side: the reset was read. */
#define QUIC_STREAM_RECV_STATE_RESET_READ 11

/* An event after its type, which is one byte: copy it from there, it is not aligned. */
union quic_event {
	struct quic_stream_update	update;
	struct quic_stream_max_data	max_data;
	struct quic_connection_close	close;
	struct quic_connection_id_info	info;
	__u64	max_stream;
	__u8	local_migration;
	__u8	key_update_phase;
};

#endif /* _UAPI_LINUX_QUIC_H */
