// Package tracing says by OpenTelemetry spans what requests, chunks, finishes and
// deliveries of events took, and sends them to a collector by OTLP over HTTP, protobuf
// (opentelemetry.io/docs/specs/otlp). It alone imports OpenTelemetry; nothing global of
// that is set or used.
//
// A span has what its function here names, by the semantic conventions where they have a
// name. Never in it: headers, tokens, metadata, paths, addresses, texts of errors.
//
// The W3C trace context (w3.org/TR/trace-context) of a request is honoured: who has
// sampled its own trace, or not, decides for ours. Of traces that begin here
// Options.SampleRatio is sampled. Spans that aren't sampled cost an id and are not sent.
//
// An upload's own trace is that of the request which created it. What other requests do
// for it later is in their traces, and the two are linked: each request to the upload's
// trace, and its finish, which is in both, each way.
//
// # Under stress
//
// No call here blocks, save for Close. Spans that have ended wait in a queue of
// queueSize, beside as many that are being sent; a span takes about 1 KB. When the queue
// is full, spans are dropped and counted. A collector that is away, or asks to wait (429,
// 502, 503, 504), is tried six times with the same spans, each for ten seconds at most.
// Between the tries are 1, 2, 4, 8 and 16 s, or as long as it asks for, up to 30 s. So one
// that refuses at once has half a minute, one that hangs a minute and a half, and none more
// than three and a half. Then these spans are dropped, as they are at once after any other refusal. The log hears
// when that begins and when it ends. Spans of a process that is killed are lost.
package tracing
