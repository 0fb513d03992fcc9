package e2e

import (
	"net/http"
	"slices"

	"github.com/bdragon300/tusgo"
)

// option is one of tus-js-client's options, and how it shows.
type option struct {
	name    string
	value   any
	writers int // uploads sent at once; 0 means 1
	uploads int // that are created; 0 means 1
	look    func(o *ordeal)
}

func options() []option {
	return []option{
		{name: "no option"},
		{name: "parallelUploads", value: 4, writers: 4, uploads: 5},
		{name: "uploadLengthDeferred", value: true, look: everyRequest("creates with a length", func(e exchange) bool {
			return e.method != http.MethodPost || e.request.Get("Upload-Defer-Length") == "1" && e.request.Get("Upload-Length") == ""
		})},
		{name: "uploadDataDuringCreation", value: true},
		{name: "overridePatchMethod", value: true, look: everyRequest("is a PATCH", func(e exchange) bool {
			return e.method != http.MethodPatch || e.request.Get("X-Http-Method-Override") == http.MethodPatch
		})},
		{name: "addRequestId", value: true, look: everyRequest("has no id", func(e exchange) bool {
			return e.request.Get("X-Request-Id") != ""
		})},
	}
}

// attempts are those with a file of size bytes.
func attempts(tiny, size int64) []attempt {
	list := []attempt{
		{name: "tusgo/tiny", start: viaTusgo(tusgoUpload{chunk: tiny})},
		{name: "tusgo/whole", start: viaTusgo(tusgoUpload{chunk: size})},
		{name: "tusgo/streamed", start: viaTusgo(tusgoUpload{chunk: tusgo.NoChunked})},
		{name: "tusgo/deferred", start: viaTusgo(tusgoUpload{chunk: size, deferred: true})},
		{name: "go-tus/tiny", start: viaGotus(gotusUpload{chunk: tiny})},
		{name: "go-tus/whole", start: viaGotus(gotusUpload{chunk: size})},
		{name: "go-tus/override", start: viaGotus(gotusUpload{chunk: tiny, override: true})},
	}
	for _, o := range options() {
		// Of a file tus-js-client in Node finds no end while the length is deferred: it is given a stream, or all at once.
		chunks, whole := job{Source: "stream", Options: map[string]any{"chunkSize": tiny}}, job{Source: "buffer", Options: map[string]any{}}
		if o.name != "uploadLengthDeferred" {
			chunks.Source, whole.Source = "file", "file"
		}
		both := []attempt{
			{name: "tus-js-client/" + o.name + "/tiny", start: js(chunks)},
			{name: "tus-js-client/" + o.name + "/whole", start: js(whole)},
		}
		if o.value != nil {
			chunks.Options[o.name], whole.Options[o.name] = o.value, o.value
		}
		for i := range both {
			both[i].writers, both[i].uploads, both[i].look = o.writers, o.uploads, o.look
		}
		if o.name == "uploadDataDuringCreation" {
			both[0].from = tiny + tiny/2 // the POST carries the first chunk
			both[1].from, both[1].before = size/3, postsCut
		}
		list = append(list, both...)
	}
	return list
}

// emptyAttempts are those with an empty file.
func emptyAttempts(tiny int64) []attempt {
	list := []attempt{
		{name: "tusgo/empty", start: viaTusgo(tusgoUpload{chunk: tiny})},
		{name: "go-tus/empty", start: viaGotus(gotusUpload{chunk: tiny})},
	}
	for _, o := range options() {
		// Of an empty file tus-js-client in Node can't read a part; it takes an empty buffer.
		empty := job{Source: "buffer", Options: map[string]any{}}
		if o.value != nil {
			empty.Options[o.name] = o.value
		}
		list = append(list, attempt{name: "tus-js-client/" + o.name + "/empty", start: js(empty), uploads: o.uploads, look: o.look})
	}
	return list
}

// everyRequest wants something of each request that reached the server.
func everyRequest(otherwise string, holds func(exchange) bool) func(*ordeal) {
	return func(o *ordeal) {
		o.t.Helper()
		seen := o.proxy.seen("")
		if i := slices.IndexFunc(seen, func(e exchange) bool { return !holds(e) }); i >= 0 {
			o.t.Errorf("request %d %s: %s %s %v", i, otherwise, seen[i].method, seen[i].path, seen[i].request)
		}
	}
}

// postsCut meets a POST that carries the data: the server is killed in the middle of it, so the client, who hasn't heard of the
// upload, creates another. Of that one it hears, because the server stops in order this time; it goes on by PATCH. Now and then
// the network swallows that answer, as networks do when a connection ends on both sides; then the client creates one more.
func postsCut(o *ordeal) (uploads int) {
	o.t.Helper()
	from := o.size / 3
	stands := func(n int) {
		o.t.Helper()
		o.await("a POST's body has come partway", func() bool {
			all := records(o.t, o.server.uploads())
			return len(all) == n && !slices.ContainsFunc(all, func(r record) bool { return dataSize(o.server.uploads(), r.ID) != from })
		})
	}
	stands(1)
	o.server.kill()
	o.await("the proxy has noticed", func() bool { return o.proxy.last(http.MethodPost).over })
	o.server.start(o.ctx, o.t)
	for n := 2; n < 6; n++ {
		stands(n)
		terminate(o.ctx, o.t, o.server)
		o.server.start(o.ctx, o.t)
		goesOn := false
		o.await("the client goes on", func() bool {
			goesOn = len(o.proxy.seen(http.MethodPatch)) > 0
			return goesOn || len(o.proxy.seen(http.MethodPost)) > n
		})
		if goesOn {
			return n
		}
	}
	o.t.Fatal("the client never heard where its upload is")
	return 0
}
