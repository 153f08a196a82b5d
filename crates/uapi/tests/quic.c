/* Every number, size and offset of linux/quic.h, as the ABI has them: compiled, never run. */
#include <stddef.h>

#include <linux/quic.h>

#define IS(name, value) _Static_assert((name) == (value), #name)
#define SIZE(name, bytes) _Static_assert(sizeof(struct name) == (bytes), "sizeof " #name)
#define AT(name, field, offset) \
	_Static_assert(offsetof(struct name, field) == (offset), "offsetof " #name "." #field)

IS(IPPROTO_QUIC, 261);
IS(SOL_QUIC, 288);
IS(QUIC_STREAM_INFO, 0);
IS(QUIC_HANDSHAKE_INFO, 1);
IS(QUIC_STREAM_TYPE_SERVER_MASK, 0x01);
IS(QUIC_STREAM_TYPE_UNI_MASK, 0x02);
IS(QUIC_STREAM_TYPE_MASK, 0x03);
IS(QUIC_VERSION_V1, 0x1);
IS(QUIC_VERSION_V2, 0x6b3343cf);
IS(QUIC_CRYPTO_APP, 0);
IS(QUIC_CRYPTO_INITIAL, 1);
IS(QUIC_CRYPTO_HANDSHAKE, 2);
IS(QUIC_CRYPTO_EARLY, 3);
IS(QUIC_CRYPTO_MAX, 4);
IS(QUIC_CONG_ALG_RENO, 0);
IS(QUIC_CONG_ALG_CUBIC, 1);
IS(QUIC_CONG_ALG_MAX, 2);
IS(QUIC_CONG_ALG_BBR, 64);
IS(QUIC_CRYPTO_SECRET_BUFFER_SIZE, 48);
IS(QUIC_CLOSE_PHRASE_BUFFER_SIZE, 64);
IS(MSG_QUIC_STREAM_NEW, 0x400);
IS(MSG_QUIC_STREAM_FIN, 0x200);
IS(MSG_QUIC_STREAM_UNI, 0x800);
IS(MSG_QUIC_STREAM_DONTWAIT, 0x10000);
IS(MSG_QUIC_STREAM_SNDBLOCK, 0x2000);
IS(MSG_QUIC_DATAGRAM, 0x1000);
IS(MSG_QUIC_NOTIFICATION, 0x8000);
IS(QUIC_SOCKOPT_EVENT, 0);
IS(QUIC_SOCKOPT_STREAM_OPEN, 1);
IS(QUIC_SOCKOPT_STREAM_RESET, 2);
IS(QUIC_SOCKOPT_STREAM_STOP_SENDING, 3);
IS(QUIC_SOCKOPT_CONNECTION_ID, 4);
IS(QUIC_SOCKOPT_CONNECTION_CLOSE, 5);
IS(QUIC_SOCKOPT_CONNECTION_MIGRATION, 6);
IS(QUIC_SOCKOPT_KEY_UPDATE, 7);
IS(QUIC_SOCKOPT_TRANSPORT_PARAM, 8);
IS(QUIC_SOCKOPT_CONFIG, 9);
IS(QUIC_SOCKOPT_TOKEN, 10);
IS(QUIC_SOCKOPT_ALPN, 11);
IS(QUIC_SOCKOPT_SESSION_TICKET, 12);
IS(QUIC_SOCKOPT_CRYPTO_SECRET, 13);
IS(QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, 14);
IS(QUIC_SOCKOPT_SERVER_NAMES, 64);
IS(QUIC_SOCKOPT_STATISTICS, 65);
IS(QUIC_SOCKOPT_STREAM_PRIORITY, 66);
IS(QUIC_SOCKOPT_EOF, 67);
IS(QUIC_SOCKOPT_LINGER, 68);
IS(QUIC_SOCKOPT_STREAM_DESCRIPTOR, 69);
IS(QUIC_SOCKOPT_DATAGRAM_FATES, 70);
IS(QUIC_TRANSPORT_ERROR_NONE, 0x00);
IS(QUIC_TRANSPORT_ERROR_INTERNAL, 0x01);
IS(QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED, 0x02);
IS(QUIC_TRANSPORT_ERROR_FLOW_CONTROL, 0x03);
IS(QUIC_TRANSPORT_ERROR_STREAM_LIMIT, 0x04);
IS(QUIC_TRANSPORT_ERROR_STREAM_STATE, 0x05);
IS(QUIC_TRANSPORT_ERROR_FINAL_SIZE, 0x06);
IS(QUIC_TRANSPORT_ERROR_FRAME_ENCODING, 0x07);
IS(QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM, 0x08);
IS(QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT, 0x09);
IS(QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION, 0x0a);
IS(QUIC_TRANSPORT_ERROR_INVALID_TOKEN, 0x0b);
IS(QUIC_TRANSPORT_ERROR_APPLICATION, 0x0c);
IS(QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED, 0x0d);
IS(QUIC_TRANSPORT_ERROR_KEY_UPDATE, 0x0e);
IS(QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED, 0x0f);
IS(QUIC_TRANSPORT_ERROR_NO_VIABLE_PATH, 0x10);
IS(QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION, 0x11);
IS(QUIC_TRANSPORT_ERROR_CRYPTO, 0x100);
IS(QUIC_EVENT_NONE, 0);
IS(QUIC_EVENT_STREAM_UPDATE, 1);
IS(QUIC_EVENT_STREAM_MAX_DATA, 2);
IS(QUIC_EVENT_STREAM_MAX_STREAM, 3);
IS(QUIC_EVENT_CONNECTION_ID, 4);
IS(QUIC_EVENT_CONNECTION_CLOSE, 5);
IS(QUIC_EVENT_CONNECTION_MIGRATION, 6);
IS(QUIC_EVENT_KEY_UPDATE, 7);
IS(QUIC_EVENT_NEW_TOKEN, 8);
IS(QUIC_EVENT_NEW_SESSION_TICKET, 9);
IS(QUIC_EVENT_END, 10);
IS(QUIC_EVENT_MAX, 9);
IS(QUIC_STREAM_SEND_STATE_READY, 0);
IS(QUIC_STREAM_SEND_STATE_SEND, 1);
IS(QUIC_STREAM_SEND_STATE_SENT, 2);
IS(QUIC_STREAM_SEND_STATE_RECVD, 3);
IS(QUIC_STREAM_SEND_STATE_RESET_SENT, 4);
IS(QUIC_STREAM_SEND_STATE_RESET_RECVD, 5);
IS(QUIC_STREAM_RECV_STATE_RECV, 6);
IS(QUIC_STREAM_RECV_STATE_SIZE_KNOWN, 7);
IS(QUIC_STREAM_RECV_STATE_RECVD, 8);
IS(QUIC_STREAM_RECV_STATE_READ, 9);
IS(QUIC_STREAM_RECV_STATE_RESET_RECVD, 10);
IS(QUIC_STREAM_RECV_STATE_RESET_READ, 11);

SIZE(quic_handshake_info, 1);
AT(quic_handshake_info, crypto_level, 0);

SIZE(quic_stream_info, 16);
AT(quic_stream_info, stream_id, 0);
AT(quic_stream_info, stream_flags, 8);

SIZE(quic_transport_param, 56);
AT(quic_transport_param, remote, 0);
AT(quic_transport_param, disable_active_migration, 1);
AT(quic_transport_param, grease_quic_bit, 2);
AT(quic_transport_param, stateless_reset, 3);
AT(quic_transport_param, disable_1rtt_encryption, 4);
AT(quic_transport_param, disable_compatible_version, 5);
AT(quic_transport_param, active_connection_id_limit, 6);
AT(quic_transport_param, ack_delay_exponent, 7);
AT(quic_transport_param, max_datagram_frame_size, 8);
AT(quic_transport_param, max_udp_payload_size, 10);
AT(quic_transport_param, max_idle_timeout, 12);
AT(quic_transport_param, max_ack_delay, 16);
AT(quic_transport_param, max_streams_bidi, 20);
AT(quic_transport_param, max_streams_uni, 22);
AT(quic_transport_param, max_data, 24);
AT(quic_transport_param, max_stream_data_bidi_local, 32);
AT(quic_transport_param, max_stream_data_bidi_remote, 40);
AT(quic_transport_param, max_stream_data_uni, 48);

SIZE(quic_config, 28);
AT(quic_config, version, 0);
AT(quic_config, plpmtud_probe_interval, 4);
AT(quic_config, initial_smoothed_rtt, 8);
AT(quic_config, payload_cipher_type, 12);
AT(quic_config, congestion_control_algo, 16);
AT(quic_config, validate_peer_address, 17);
AT(quic_config, stream_data_nodelay, 18);
AT(quic_config, receive_session_ticket, 19);
AT(quic_config, certificate_request, 20);
AT(quic_config, reserved, 21);
AT(quic_config, keepalive_probe_interval, 24);

SIZE(quic_crypto_secret, 56);
AT(quic_crypto_secret, send, 0);
AT(quic_crypto_secret, level, 1);
AT(quic_crypto_secret, reserved, 2);
AT(quic_crypto_secret, type, 4);
AT(quic_crypto_secret, secret, 8);

SIZE(quic_errinfo, 16);
AT(quic_errinfo, stream_id, 0);
AT(quic_errinfo, errcode, 8);

SIZE(quic_connection_id_info, 12);
AT(quic_connection_id_info, dest, 0);
AT(quic_connection_id_info, reserved, 1);
AT(quic_connection_id_info, active, 4);
AT(quic_connection_id_info, prior_to, 8);

SIZE(quic_event_option, 2);
AT(quic_event_option, type, 0);
AT(quic_event_option, on, 1);

SIZE(quic_stream_update, 24);
AT(quic_stream_update, id, 0);
AT(quic_stream_update, state, 8);
AT(quic_stream_update, reserved, 9);
AT(quic_stream_update, errcode, 12);
AT(quic_stream_update, finalsz, 16);

SIZE(quic_stream_max_data, 16);
AT(quic_stream_max_data, id, 0);
AT(quic_stream_max_data, max_data, 8);

SIZE(quic_connection_close, 72);
AT(quic_connection_close, errcode, 0);
AT(quic_connection_close, frame, 4);
AT(quic_connection_close, reserved, 5);
AT(quic_connection_close, phrase, 8);

SIZE(quic_stream_priority, 16);
AT(quic_stream_priority, stream_id, 0);
AT(quic_stream_priority, priority, 8);
AT(quic_stream_priority, reserved, 12);

SIZE(quic_stream_descriptor, 16);
AT(quic_stream_descriptor, stream_id, 0);
AT(quic_stream_descriptor, stream_flags, 8);
AT(quic_stream_descriptor, descriptor, 12);

SIZE(quic_datagram_fate, 16);
AT(quic_datagram_fate, number, 0);
AT(quic_datagram_fate, acknowledged, 8);
AT(quic_datagram_fate, reserved, 12);

SIZE(quic_statistics, 232);
AT(quic_statistics, smoothed_rtt, 0);
AT(quic_statistics, min_rtt, 8);
AT(quic_statistics, latest_rtt, 16);
AT(quic_statistics, congestion_window, 24);
AT(quic_statistics, bytes_in_flight, 32);
AT(quic_statistics, packets_sent, 40);
AT(quic_statistics, packets_lost, 48);
AT(quic_statistics, packets_received, 56);
AT(quic_statistics, bytes_sent, 64);
AT(quic_statistics, bytes_received, 72);
AT(quic_statistics, congestion_events, 80);
AT(quic_statistics, probe_timeouts, 88);
AT(quic_statistics, key_updates, 96);
AT(quic_statistics, handshake, 104);
AT(quic_statistics, datagram_size, 112);
AT(quic_statistics, paths, 120);
AT(quic_statistics, migrations, 128);
AT(quic_statistics, ecn_marked, 136);
AT(quic_statistics, events_dropped, 144);
AT(quic_statistics, datagrams_sent, 152);
AT(quic_statistics, datagrams_received, 160);
AT(quic_statistics, datagrams_dropped, 168);
AT(quic_statistics, datagrams_lost, 176);
AT(quic_statistics, max_datagram, 184);
AT(quic_statistics, mtu_probes, 192);
AT(quic_statistics, mtu_probes_lost, 200);
AT(quic_statistics, mtu_black_holes, 208);
AT(quic_statistics, paths_failed, 216);
AT(quic_statistics, ecn, 224);
AT(quic_statistics, ecn_failures, 228);

_Static_assert(sizeof(union quic_event) == 72, "sizeof quic_event");

/* What programs take the address of has these types. */
__s64 *stream_id(struct quic_stream_info *info) { return &info->stream_id; }
__u32 *stream_flags(struct quic_stream_info *info) { return &info->stream_flags; }
__u8 *secret(struct quic_crypto_secret *secret) { return secret->secret; }
__u8 *phrase(struct quic_connection_close *close) { return close->phrase; }
__u64 *max_stream(union quic_event *event) { return &event->max_stream; }
__u8 *local_migration(union quic_event *event) { return &event->local_migration; }
__u8 *key_update_phase(union quic_event *event) { return &event->key_update_phase; }
struct quic_stream_update *update(union quic_event *event) { return &event->update; }
struct quic_stream_max_data *max_data(union quic_event *event) { return &event->max_data; }
struct quic_connection_close *close_(union quic_event *event) { return &event->close; }
struct quic_connection_id_info *info(union quic_event *event) { return &event->info; }
