package server_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bdragon300/tusgo"

	"plateau/server/tracing/tracingtest"
)

// An upload that is created in one trace, and finished in another.
func TestSpansOfAnUpload(t *testing.T) {
	c, use := collect(t)
	p := run(t, use)
	location := p.create("Upload-Length: 5", "traceparent: 00-"+clientTrace+"-"+clientSpan+"-01", "tracestate: vendor=1")
	p.patch(location, 0, "123")
	p.patch(location, 3, "45", "traceparent: 00-"+patchTrace+"-00f067aa0ba902b7-01")
	p.announces(location)
	p.do("HEAD", location, "")
	p.do("GET", location, "")
	p.do("GET", "/readyz", "")
	record := p.carried(location)
	p.stop()

	post := only(t, c, "POST /files/", of(location))
	if post.Trace != clientTrace || post.Parent != clientSpan || post.State != "vendor=1" || post.Kind != "SERVER" || len(post.Links) != 0 ||
		post.Attributes["http.request.method"] != "POST" || post.Attributes["http.route"] != "/files/" ||
		post.Attributes["http.response.status_code"] != int64(201) || post.Failed || record != traceparentOf(post) {
		t.Errorf("%+v; the record has %s", post, record)
	}
	if post.Resource["service.name"] != "plateau" {
		t.Errorf("%v", post.Resource)
	}
	link := []string{post.Trace + "-" + post.ID}
	patches := c.Named("PATCH /files/{id}")
	if len(patches) != 2 || patches[0].Trace == patches[1].Trace || patches[0].Parent != "" || patches[1].Trace != patchTrace || patches[1].Parent != "00f067aa0ba902b7" {
		t.Fatalf("%s", tree(c))
	}
	for i, bytes := range []int64{3, 2} {
		patch := patches[i]
		if !slices.Equal(patch.Links, link) || patch.Attributes["http.request.body.size"] != bytes || patch.Attributes["http.response.status_code"] != int64(204) {
			t.Errorf("%+v", patch)
		}
		chunk := only(t, c, "write chunk", below(patch))
		if chunk.Attributes["plateau.upload.offset"] != int64(3*i) || chunk.Attributes["plateau.chunk.size"] != bytes || !of(location)(chunk) ||
			chunk.Began.Before(patch.Began) || chunk.Ended.After(patch.Ended) || chunk.Kind != "INTERNAL" {
			t.Errorf("%+v", chunk)
		}
	}
	here := only(t, c, "finish upload", below(patches[1]))
	there := only(t, c, "finish upload", below(post))
	if !slices.Equal(here.Links, []string{there.Trace + "-" + there.ID}) || !slices.Equal(there.Links, []string{here.Trace + "-" + here.ID}) ||
		here.Attributes["plateau.upload.size"] != int64(5) || !of(location)(here) || here.Failed {
		t.Errorf("%+v\n%+v", here, there)
	}
	sent := only(t, c, "send event", below(post))
	if sent.Kind != "PRODUCER" || sent.Attributes["messaging.system"] != "stdout" || sent.Attributes["messaging.operation.type"] != "send" ||
		sent.Attributes["messaging.message.id"] != idOf(location)+":finished" || !of(location)(sent) || sent.Failed {
		t.Errorf("%+v", sent)
	}
	if line := p.out.all(t)[0]; line["traceparent"] != traceparentOf(post) {
		t.Errorf("the event has the traceparent %v", line["traceparent"])
	}
	if head := only(t, c, "HEAD /files/{id}", of(location)); !slices.Equal(head.Links, link) {
		t.Errorf("%+v", head)
	}
	if get := only(t, c, "GET /files/{id}", of(location)); get.Attributes["http.response.body.size"] != int64(5) {
		t.Errorf("%+v", get)
	}
	if n := len(c.Spans()); n != 10 {
		t.Errorf("%d spans, not 10: probes have none\n%s", n, tree(c))
	}
}

// A small upload is one trace, whatever it is sent by.
func TestSpansOfOneRequest(t *testing.T) {
	c, use := collect(t)
	p := run(t, use)
	location := p.upload("12345", "Upload-Length: 5")
	p.announces(location)
	form := p.stored(formOf(t, part{field: "file", file: "a.txt", text: "hello"}, part{field: "file", file: "b.txt", text: "more"}))
	for _, file := range form {
		p.announces(file.URL)
	}
	part := p.upload("ab", "Upload-Length: 2", "Upload-Concat: partial")
	final := p.create("Upload-Concat: final;" + part)
	p.announces(final)
	p.stop()

	post := only(t, c, "POST /files/", of(location))
	for _, name := range []string{"write chunk", "finish upload", "send event"} {
		if s := only(t, c, name, below(post)); len(s.Links) != 0 || !of(location)(s) {
			t.Errorf("%+v", s)
		}
	}
	post = only(t, c, "POST /upload", of(form[0].URL))
	for _, file := range form {
		for _, name := range []string{"write chunk", "send event"} {
			only(t, c, name, func(s tracingtest.Span) bool { return below(post)(s) && of(file.URL)(s) })
		}
	}
	only(t, c, "finish upload", below(post))
	post = only(t, c, "POST /files/", of(final))
	only(t, c, "finish upload", func(s tracingtest.Span) bool { return below(post)(s) && of(final)(s) })
	only(t, c, "send event", below(post))
	only(t, c, "finish upload", of(part))
	if slices.ContainsFunc(c.Named("send event"), of(part)) {
		t.Error("the event of a part was sent")
	}
}

// A client that knows nothing of traces, with its resumption.
func TestSpansOfATusClient(t *testing.T) {
	c, use := collect(t)
	p := run(t, use)
	files, err := url.Parse(p.url + "/files/")
	if err != nil {
		t.Fatal(err)
	}
	client := tusgo.NewClient(p.http, files)
	var upload tusgo.Upload
	data := strings.Repeat("x", 100_000)
	if _, err := client.CreateUpload(&upload, int64(len(data)), false, nil); err != nil {
		t.Fatal(err)
	}
	stream := tusgo.NewUploadStream(client, &upload)
	stream.ChunkSize = 40_000
	if _, err := stream.ReadFrom(strings.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	p.announces(upload.Location)
	p.stop()
	chunks := slices.DeleteFunc(c.Named("write chunk"), func(s tracingtest.Span) bool { return !of(upload.Location)(s) })
	var sum int64
	for _, chunk := range chunks {
		if chunk.Attributes["plateau.upload.offset"] != sum {
			t.Errorf("at %d: %+v", sum, chunk)
		}
		sum += chunk.Attributes["plateau.chunk.size"].(int64)
	}
	if len(chunks) != 3 || sum != int64(len(data)) {
		t.Errorf("%d chunks, %d bytes", len(chunks), sum)
	}
	only(t, c, "send event", below(only(t, c, "POST /files/", of(upload.Location))))
}
