package server

import (
	"net/http"
	"slices"
	"strings"
)

// What a browser's page on another origin may send and read. The lists cover
// tus 1.0, its extensions, the IETF draft's names that tus-js-client can be set
// to send, and tracing.
const (
	corsMethods = "POST, HEAD, PATCH, OPTIONS, GET, DELETE"
	corsAllow   = "Authorization, Content-Type, Origin, X-Requested-With, X-Request-ID, X-HTTP-Method-Override, " +
		"Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, Upload-Defer-Length, Upload-Concat, " +
		"Upload-Checksum, Upload-Complete, Upload-Incomplete, Upload-Draft-Interop-Version, traceparent, tracestate"
	corsExpose = "Location, Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Concat, " +
		"Upload-Expires, Upload-Complete, Upload-Draft-Interop-Version, Upload-Limit, Tus-Version, Tus-Resumable, " +
		"Tus-Max-Size, Tus-Extension, Tus-Checksum-Algorithm, X-Request-ID, Retry-After, WWW-Authenticate"
	corsMaxAge = "7200" // the most that browsers keep
)

// cors says which origins may use the server from a browser. Credentials are
// never allowed: an upload's address is enough, or a token in a header.
type cors struct {
	any     bool
	origins []string
}

func newCORS(origins []string) cors {
	return cors{any: slices.Contains(origins, "*"), origins: origins}
}

// embedding is which pages may show a download as an image or a film. A browser doesn't
// say which page that is, so it is all pages or those of this server alone.
func (c cors) embedding() string {
	if c.any || len(c.origins) > 0 {
		return "cross-origin"
	}
	return "same-origin"
}

// setHeaders adds what a browser needs to see, to every answer.
func (c cors) setHeaders(h http.Header, r *http.Request) {
	if !c.any {
		h.Add("Vary", "Origin")
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	switch {
	case c.any:
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.ContainsFunc(c.origins, func(o string) bool { return strings.EqualFold(o, origin) }):
		h.Set("Access-Control-Allow-Origin", origin)
	default:
		return
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", corsMethods)
		h.Set("Access-Control-Allow-Headers", corsAllow)
		h.Set("Access-Control-Max-Age", corsMaxAge)
		return
	}
	h.Set("Access-Control-Expose-Headers", corsExpose)
}
