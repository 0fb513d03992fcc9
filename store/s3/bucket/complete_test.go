package bucket

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// An upload that another program began, or another setting, is completed as it wants.
func TestCompleteOfAnotherKind(t *testing.T) {
	plain := func(o *Options) { o.Checksum = "crc32c" }
	whole := func(o *Options) { o.Checksum = wholeObject }
	for name, c := range map[string]struct {
		begin func(*Options) // how it was begun
		mixed bool           // one part is stored the way it was begun
		extra []string
	}{
		"plain":       {plain, false, []string{"CompleteMultipartUpload", "ListParts"}},
		"plain mixed": {plain, true, []string{"ListParts"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := shared.Gateway(t)
			name := g.NewBucket(t)
			begun, _ := opened(t, optionsFor(g, name), c.begin)
			b, made := opened(t, optionsFor(g, name), whole)
			id := must(begun.CreateMultipart(t.Context(), "a", nil, ""))(t)
			list, all := parts(t, b, "a", id, 5*mib, 3)
			if c.mixed {
				list[0] = must(begun.PutPart(t.Context(), "a", id, 1, content(bytes.Repeat([]byte("a"), 5*mib))))(t)
			}
			made.take()
			must(b.Complete(t.Context(), "a", id, list, int64(len(all))))(t)
			made.want(t, append(c.extra, "CompleteMultipartUpload", "HeadObject")...)
		})
	}
	t.Run("with sums, by who has none", func(t *testing.T) {
		g := shared.Gateway(t)
		name := g.NewBucket(t)
		begun, _ := opened(t, optionsFor(g, name), whole)
		b, made := opened(t, optionsFor(g, name), plain)
		id := must(begun.CreateMultipart(t.Context(), "a", nil, ""))(t)
		list, all := parts(t, b, "a", id, 5*mib, 3)
		made.take()
		must(b.Complete(t.Context(), "a", id, list, int64(len(all))))(t)
		made.want(t, "CompleteMultipartUpload", "ListParts", "CompleteMultipartUpload", "HeadObject")
	})
}

func TestCompleteAgain(t *testing.T) {
	b, _ := gateway(t, nil)
	id := must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
	list, all := parts(t, b, "a", id, 5*mib, 3)
	first := must(b.Complete(t.Context(), "a", id, list, int64(len(all))))(t)
	again := must(b.Complete(t.Context(), "a", id, list, int64(len(all))))(t)
	if first.ETag != again.ETag {
		t.Errorf("%+v, then %+v", first, again)
	}
}

func TestCompleteOverAnother(t *testing.T) {
	b, _ := gateway(t, nil)
	id := must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
	list, all := parts(t, b, "a", id, 5*mib, 3)
	must(b.Put(t.Context(), "a", text("another"), Absent))(t)
	_, err := b.Complete(t.Context(), "a", id, list, int64(len(all)))
	wantError(t, err, ErrConflict)
	if data, _, err := b.Read(t.Context(), "a", 10); err != nil || string(data) != "another" {
		t.Errorf("%q, %v", data, err)
	}
	// The refusal kept the parts.
	if kept := must(b.Parts(t.Context(), "a", id))(t); len(kept) != 2 {
		t.Errorf("%+v", kept)
	}
}

func TestInvalidParts(t *testing.T) {
	b, made := gateway(t, nil)
	id := must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
	list, _ := parts(t, b, "a", id, 5*mib, 3, 3)
	made.take()
	for name, c := range map[string]struct {
		parts []Part
		size  int64
	}{
		"none":         {nil, 0},
		"wrong order":  {[]Part{list[1], list[0]}, 5*mib + 3},
		"twice":        {[]Part{list[0], list[0]}, 10 * mib},
		"another size": {list[:2], 5*mib + 4},
	} {
		_, err := b.Complete(t.Context(), "a", id, c.parts, c.size)
		if wantError(t, err, ErrInvalidParts); t.Failed() {
			t.Fatal(name)
		}
		made.want(t) // the endpoint need not be asked
	}
	_, err := b.Complete(t.Context(), "a", id, list, 5*mib+6) // part 2 is too small
	wantError(t, err, ErrInvalidParts)
	wantWords(t, err, "EntityTooSmall")
	if _, err := b.Head(t.Context(), "a"); err == nil {
		t.Error("there is an object")
	}
	must(b.Complete(t.Context(), "a", id, list[:2], 5*mib+3))(t)
}

// What becomes of a Complete is what Head sees, whatever the answer was.
func TestCompleteIsSettledByHead(t *testing.T) {
	yes := func(w http.ResponseWriter) {
		fmt.Fprint(w, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>")
	}
	say := func(status int, code string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { refuse(w, status, code) }
	}
	there := func(w http.ResponseWriter) { headed(w, 7, "") }
	other := func(w http.ResponseWriter) { headed(w, 8, "") }
	none := func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }
	away := func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	type kinds = []error
	for name, c := range map[string]struct {
		complete, head func(http.ResponseWriter)
		want           kinds
		heads          int
	}{
		"yes, there":                {yes, there, nil, 1},
		"yes, none":                 {yes, none, kinds{ErrUnsure}, 1},
		"yes, another size":         {yes, other, kinds{ErrConflict}, 1},
		"yes, then away":            {yes, away, kinds{ErrUnsure, ErrAway}, 3},
		"200 with an error, there":  {say(200, "InternalError"), there, nil, 1},
		"200 with an error, none":   {say(200, "InternalError"), none, kinds{ErrUnsure, ErrAway}, 1},
		"500, there":                {say(500, "InternalError"), there, nil, 1},
		"500, none":                 {say(500, "InternalError"), none, kinds{ErrUnsure, ErrAway}, 1},
		"500, another size":         {say(500, "InternalError"), other, kinds{ErrConflict}, 1},
		"503, none":                 {say(503, "SlowDown"), none, kinds{ErrUnsure, ErrAway}, 1},
		"cut off, there":            {cutOff, there, nil, 1},
		"cut off, none":             {cutOff, none, kinds{ErrUnsure, ErrAway}, 1},
		"no multipart, there":       {say(404, "NoSuchUpload"), there, nil, 1},
		"no multipart, none":        {say(404, "NoSuchUpload"), none, kinds{ErrNoMultipart}, 1},
		"no multipart, another":     {say(404, "NoSuchUpload"), other, kinds{ErrConflict}, 1},
		"no multipart, away":        {say(404, "NoSuchUpload"), away, kinds{ErrUnsure, ErrNoMultipart, ErrAway}, 3},
		"exists, there":             {say(412, "PreconditionFailed"), there, nil, 1},
		"exists, none":              {say(412, "PreconditionFailed"), none, kinds{ErrUnsure}, 1},
		"exists, another size":      {say(412, "PreconditionFailed"), other, kinds{ErrConflict}, 1},
		"another request, there":    {say(409, "ConditionalRequestConflict"), there, nil, 1},
		"another request, none":     {say(409, "ConditionalRequestConflict"), none, kinds{ErrUnsure, ErrAway}, 1},
		"parts do not fit":          {say(400, "InvalidPart"), there, kinds{ErrInvalidParts}, 0},
		"no right":                  {say(403, "AccessDenied"), there, kinds{ErrRefused}, 0},
		"conditions are not known":  {say(501, "NotImplemented"), there, kinds{ErrRefused}, 0},
		"a proxy's page, and there": {func(w http.ResponseWriter) { w.WriteHeader(504); fmt.Fprint(w, "<html>gone<br>") }, there, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			b, made := scripted(t, nil, func(_ int, w http.ResponseWriter, r *http.Request) {
				switch r.Method {
				case http.MethodPost:
					if _, err := io.Copy(io.Discard, r.Body); err != nil || r.Header.Get("If-None-Match") != "*" {
						t.Errorf("%v, %v", err, r.Header)
					}
					c.complete(w)
				case http.MethodHead:
					c.head(w)
				default:
					fmt.Fprint(w, "<ListPartsResult/>")
				}
			})
			done, err := b.Complete(t.Context(), "a", "i", []Part{{Number: 1, Size: 7, ETag: "e"}}, 7)
			if len(c.want) == 0 && (err != nil || done.Size != 7) {
				t.Errorf("%+v, %v", done, err)
			}
			if len(c.want) > 0 && err == nil {
				t.Error("no error")
			}
			wantError(t, err, c.want...)
			want := []string{"CompleteMultipartUpload"}
			if name == "parts do not fit" {
				want = append(want, "ListParts")
			}
			for range c.heads {
				want = append(want, "HeadObject")
			}
			made.want(t, want...)
		})
	}
}
