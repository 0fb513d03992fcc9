// Package server is the daemon as a value: New opens the store, Start binds
// both listeners and serves, Stop ends all of it in order. Two servers can live
// in one process.
//
// A request passes, in this order: the edge (edge.go: log line, metrics,
// panics, CORS, the method override), Echo's router (routes.go), the checks
// that tusd doesn't make (tus.go, metadata.go, concat.go), the body (body.go),
// tusd's handler, the store. Answers pass the response writer (response.go),
// which knows what each method's clients need to hear.
//
// Who sends it is found out before anything is done (identity.go, by package access),
// and whether they may use an upload before anything of it is said: the store asks that
// as soon as it knows the record, and a lock before it is waited for (store.Guard).
// Strangers hear 404 and disturb nobody.
// A creation is asked about before anything of it exists (creation.go, policing.go).
//
// Forms (form.go) don't pass tusd: formparser.go splits them, formreader.go makes
// drafts of their files, and the store finishes all of a form or none.
//
// What may change while the server runs comes from package flags (flagged.go). The
// admin listener (admin.go) shows what package profiling knows of the process and
// what insight.go tells it: the last hour, uploads in flight, warnings.
//
// The finish of an upload adds its event to the outbox (events.go); from there
// the one relay takes it to Kafka, a webhook or standard output, in its own
// time. Operator is for whoever looks after the data folder, beside a server
// or without one.
//
// # Under stress
//
// Stop cuts running bodies: what arrived is kept, the client hears 503 with
// Retry-After (on POST: 201 with the offset reached) and goes on at the next
// server. More bodies at once than Config.MaxUploads hear 503 too. A body that
// is idle or slower than the least rate is cut in the same way. A client that
// wants more than its share (limiter.go, package limits) hears 503, the others
// nothing. A panic costs its own request only. HEAD never hears a 5xx: clients
// throw the upload away on one.
//
// A policy server may be slow or away: creations wait for it, within a bound, and nothing
// else does.
//
// Where events go may be slow or away: no client waits for it, events wait in
// the outbox, /readyz stays 200 and says so, and Stop leaves them there. An
// outbox that can't be written is different: no upload is finished then, PATCH
// hears 423 (507 if the disk is full), and the finish runs again later.
//
// A request that has ended leaves nothing behind: no goroutine, no buffer, no
// map entry. Nobody waits for a flag server or for an operator's page: a page that
// doesn't read is dropped, and one too many is refused.
package server
