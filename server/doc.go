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
// # Under stress
//
// Stop cuts running bodies: what arrived is kept, the client hears 503 with
// Retry-After (on POST: 201 with the offset reached) and goes on at the next
// server. More bodies at once than Config.MaxUploads hear 503 too. A body that
// is idle or slower than the least rate is cut in the same way. A panic costs
// its own request only. HEAD never hears a 5xx: clients throw the upload away
// on one.
//
// A request that has ended leaves nothing behind: no goroutine, no buffer, no
// map entry.
package server
