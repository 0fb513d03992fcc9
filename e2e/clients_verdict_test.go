package e2e

import (
	"net/http"
	"strconv"
	"strings"
)

// survived judges an ordeal when the client has ended well: the file's bytes are there, sealed; this many uploads were created,
// by as many requests; and no offset went back, neither in what the server said nor in what the client sent.
func (o *ordeal) survived(sum string, uploads int) {
	o.t.Helper()
	posts := o.creations()
	b := o.server.backend()
	all := b.records(o.t)
	if len(posts) != uploads || len(all) != uploads {
		o.t.Errorf("%d POSTs created uploads and %d are there, want %d: %v", len(posts), len(all), uploads, statuses(posts))
	}
	var whole []string
	for _, r := range all {
		if r.IsPartial {
			continue
		}
		if b.sealed(r.ID) && b.sum(o.t, r.ID) == sum {
			whole = append(whole, r.ID)
		}
	}
	if len(whole) != 1 {
		o.t.Errorf("%d uploads are sealed and have the file's SHA-256, want 1", len(whole))
	}
	o.neverBack()
}

// creations are the requests that create an upload. The one that joins the parts of an upload may be sent again when its answer
// was lost, and creates nothing then, so it counts once.
func (o *ordeal) creations() []exchange {
	var list []exchange
	joined := false
	for _, e := range o.proxy.seen(http.MethodPost) {
		if isFinal(e.request) && joined {
			continue
		}
		joined = joined || isFinal(e.request)
		list = append(list, e)
	}
	return list
}

// neverBack looks at all requests in the order in which they reached the server.
func (o *ordeal) neverBack() {
	o.t.Helper()
	said := map[string]int64{}
	var sent, refused int64
	cuts, floors := 0, o.floors
	for i, e := range o.proxy.seen("") {
		for len(floors) > 0 && floors[0].after <= i {
			said[floors[0].path] = max(said[floors[0].path], floors[0].kept)
			floors = floors[1:]
		}
		if e.method == http.MethodPatch && e.start < said[e.path] {
			o.t.Errorf("request %d: PATCH %s begins at %d, but the server had %d", i, e.path, e.start, said[e.path])
		}
		sent += e.sent
		if e.status >= 300 {
			refused += e.sent
		}
		if e.inside() {
			cuts++
		}
		text := e.answer.Get("Upload-Offset")
		if text == "" || e.status >= 300 || !strings.HasPrefix(e.path, "/files/") {
			continue
		}
		offset, err := strconv.ParseInt(text, 10, 64)
		if err != nil || offset < said[e.path] {
			o.t.Errorf("request %d: %s %s says offset %q, but the server had %d", i, e.method, e.path, text, said[e.path])
		}
		said[e.path] = max(said[e.path], offset)
	}
	o.t.Logf("%d HEADs, %d PATCHes, %d bodies cut; %d bytes sent, of them %d refused",
		len(o.proxy.seen(http.MethodHead)), len(o.proxy.seen(http.MethodPatch)), cuts, sent, refused)
	if o.size > 0 && cuts <= o.kills {
		o.t.Errorf("%d bodies were cut in %d kills: the network was too good", cuts, o.kills)
	}
}
