package bucket

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestPut(t *testing.T) {
	b, made := gateway(t, nil)
	c := text("some bytes")
	c.Metadata, c.ContentType, c.Lasting = map[string]string{"record": "abc=", "n": "1"}, "text/x-own", true
	put := must(b.Put(t.Context(), "a", c, Absent))(t)
	made.want(t, "PutObject")
	found := must(b.Head(t.Context(), "a"))(t)
	made.want(t, "HeadObject")
	if found.Key != "a" || found.Size != c.Size || found.ETag != put.ETag || found.ETag == "" || found.Modified.IsZero() || !maps.Equal(found.Metadata, c.Metadata) {
		t.Errorf("Put %+v, Head %+v", put, found)
	}
	// The prefix is what others see.
	g := shared.Gateway(t)
	plain, _ := opened(t, optionsFor(g, b.o.Name), func(o *Options) { o.Prefix = "" })
	if seen := must(plain.Head(t.Context(), "up/a"))(t); seen.ETag != put.ETag {
		t.Errorf("without the prefix: %+v", seen)
	}
	empty := must(b.Put(t.Context(), "empty", text(""), Absent))(t)
	if data, o, err := b.Read(t.Context(), "empty", 0); err != nil || len(data) != 0 || o.ETag != empty.ETag {
		t.Errorf("an empty object: %q, %+v, %v", data, o, err)
	}
}

func TestConditions(t *testing.T) {
	b, made := gateway(t, nil)
	_, err := b.Put(t.Context(), "a", text("0"), Match(`"d41d8cd98f00b204e9800998ecf8427e"`))
	wantError(t, err, ErrConflict)
	first := must(b.Put(t.Context(), "a", text("1"), Absent))(t)
	_, err = b.Put(t.Context(), "a", text("2"), Absent)
	wantError(t, err, ErrConflict)
	must(b.Put(t.Context(), "a", text("3"), Match(first.ETag)))(t)
	_, err = b.Put(t.Context(), "a", text("4"), Match(first.ETag))
	wantError(t, err, ErrConflict)
	_, err = b.Put(t.Context(), "a", text("5"), Match(""))
	wantWords(t, err, "without an ETag")
	made.want(t, "PutObject", "PutObject", "PutObject", "PutObject", "PutObject")
	if data, _, err := b.Read(t.Context(), "a", 10); err != nil || string(data) != "3" {
		t.Errorf("Read: %q, %v", data, err)
	}
	must(b.Put(t.Context(), "a", text("6"), Any))(t)
}

func TestOneWriterWins(t *testing.T) {
	b, _ := gateway(t, nil)
	for round := range 10 {
		var won atomic.Int32
		var all sync.WaitGroup
		for writer := range 8 {
			all.Go(func() {
				_, err := b.Put(t.Context(), fmt.Sprint(round), text(fmt.Sprint(writer)), Absent)
				if err == nil {
					won.Add(1)
				} else {
					wantError(t, err, ErrConflict)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Errorf("round %d: %d writers won", round, won.Load())
		}
	}
}

func TestWrongSumStoresNothing(t *testing.T) {
	b, made := gateway(t, nil)
	bad := text("some bytes")
	bad.CRC32C++
	_, err := b.Put(t.Context(), "a", bad, Absent)
	wantError(t, err, ErrDamaged)
	made.take()
	_, err = b.Head(t.Context(), "a")
	wantError(t, err, ErrNotFound)
	made.want(t, "HeadObject")
	id := must(b.CreateMultipart(t.Context(), "m", nil, ""))(t)
	_, err = b.PutPart(t.Context(), "m", id, 1, bad)
	wantError(t, err, ErrDamaged)
	if list := must(b.Parts(t.Context(), "m", id))(t); len(list) > 0 {
		t.Errorf("stored %+v", list)
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		checksum           string
		sum, sha, multiSum string
	}{
		{"crc32c-object", encodeSum(sumOf([]byte("x"))), "UNSIGNED-PAYLOAD", "CRC32C"},
		{"crc32c", encodeSum(sumOf([]byte("x"))), "UNSIGNED-PAYLOAD", ""},
		{"sha256", "", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", ""},
	} {
		t.Run(c.checksum, func(t *testing.T) {
			var seen []http.Header
			b, _ := scripted(t, func(o *Options) {
				o.Checksum, o.SSE, o.StorageClass = c.checksum, "aws:kms:my-key", "STANDARD_IA"
			}, func(_ int, w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.Header)
				if r.Method == http.MethodPost {
					fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>i</UploadId></InitiateMultipartUploadResult>")
				}
			})
			must(b.Put(t.Context(), "a", text("x"), Any))(t)
			lasting := text("x")
			lasting.Lasting = true
			must(b.Put(t.Context(), "a", lasting, Any))(t)
			must(b.PutPart(t.Context(), "a", "i", 1, text("x")))(t)
			must(b.CreateMultipart(t.Context(), "a", nil, ""))(t)
			for i, h := range seen[:3] {
				if h.Get("X-Amz-Checksum-Crc32c") != c.sum || h.Get("X-Amz-Content-Sha256") != c.sha || h.Get("X-Amz-Trailer")+h.Get("Content-Md5")+h.Get("X-Amz-Checksum-Crc32") != "" {
					t.Errorf("%d: %v", i, h)
				}
			}
			for i, want := range []string{"", "STANDARD_IA", "", "STANDARD_IA"} {
				if got := seen[i].Get("X-Amz-Storage-Class"); got != want {
					t.Errorf("%d: storage class %q, want %q", i, got, want)
				}
			}
			for _, i := range []int{0, 1, 3} {
				if seen[i].Get("X-Amz-Server-Side-Encryption") != "aws:kms" || seen[i].Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != "my-key" {
					t.Errorf("%d: %v", i, seen[i])
				}
			}
			if got := seen[3].Get("X-Amz-Checksum-Algorithm"); got != c.multiSum {
				t.Errorf("algorithm %q", got)
			}
		})
	}
}

// What AWS answers while another conditional write runs decides nothing.
func TestConditionalRequestConflict(t *testing.T) {
	b, made := scripted(t, nil, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 3 {
			refuse(w, http.StatusConflict, "ConditionalRequestConflict")
		}
	})
	must(b.Put(t.Context(), "a", text("x"), Absent))(t)
	made.want(t, "PutObject", "PutObject", "PutObject")
}

// The first attempt did its work, but its answer was lost; so the second meets it.
func TestConflictWithOneself(t *testing.T) {
	right := encodeSum(sumOf([]byte("ours")))
	for name, c := range map[string]struct {
		head func(http.ResponseWriter)
		get  string // what the object holds, if it is read
		kind error  // nil: success
		more []string
	}{
		"ours":              {func(w http.ResponseWriter) { headed(w, 4, right) }, "", nil, []string{"HeadObject"}},
		"another sum":       {func(w http.ResponseWriter) { headed(w, 4, encodeSum(1)) }, "", ErrConflict, []string{"HeadObject"}},
		"another size":      {func(w http.ResponseWriter) { headed(w, 5, right) }, "", ErrConflict, []string{"HeadObject"}},
		"other metadata":    {func(w http.ResponseWriter) { w.Header().Set("X-Amz-Meta-K", "v"); headed(w, 4, right) }, "", ErrConflict, []string{"HeadObject"}},
		"gone":              {func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) }, "", ErrConflict, []string{"HeadObject"}},
		"no sum, ours":      {func(w http.ResponseWriter) { headed(w, 4, "") }, "ours", nil, []string{"HeadObject", "GetObject"}},
		"no sum, another's": {func(w http.ResponseWriter) { headed(w, 4, "") }, "mine", ErrConflict, []string{"HeadObject", "GetObject"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, made := scripted(t, nil, func(n int, w http.ResponseWriter, r *http.Request) {
				switch {
				case n == 1:
					_, _ = io.Copy(io.Discard, r.Body)
					cutOff(w)
				case r.Method == http.MethodPut:
					refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
				case r.Method == http.MethodHead:
					c.head(w)
				default:
					fmt.Fprint(w, c.get)
				}
			})
			_, err := b.Put(t.Context(), "a", text("ours"), Absent)
			if c.kind == nil && err != nil {
				t.Error(err)
			}
			if c.kind != nil {
				wantError(t, err, c.kind)
			}
			made.want(t, append([]string{"PutObject", "PutObject"}, c.more...)...)
		})
	}
}

// What is sent again is sent from the start.
func TestBodyIsSentAgain(t *testing.T) {
	data := strings.Repeat("0123456789", 500_000)
	var got string
	b, made := scripted(t, nil, func(n int, w http.ResponseWriter, r *http.Request) {
		if n < 3 {
			_, _ = io.CopyN(io.Discard, r.Body, 1_000_000)
			cutOff(w)
		}
		all, _ := io.ReadAll(r.Body)
		got = string(all)
	})
	must(b.PutPart(t.Context(), "a", "i", 1, text(data)))(t)
	made.want(t, "UploadPart", "UploadPart", "UploadPart")
	if got != data {
		t.Errorf("%d bytes arrived", len(got))
	}
}

func TestDelete(t *testing.T) {
	b, made := gateway(t, nil)
	for i := range 4 {
		must(b.Put(t.Context(), fmt.Sprint(i), text("x"), Absent))(t)
	}
	made.take()
	if err := b.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	made.want(t)
	for range 2 {
		if err := b.Delete(t.Context(), "0"); err != nil {
			t.Error(err)
		}
		made.want(t, "DeleteObject")
	}
	var many []string
	for i := range 1500 {
		many = append(many, fmt.Sprint(i+1))
	}
	if err := b.Delete(t.Context(), many...); err != nil {
		t.Error(err)
	}
	made.want(t, "DeleteObjects", "DeleteObjects")
	if left, _, err := b.List(t.Context(), "", "", 10); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}

func TestDeleteFailsInPart(t *testing.T) {
	code := "InternalError"
	b, made := scripted(t, nil, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 || code != "InternalError" {
			fmt.Fprintf(w, "<DeleteResult><Error><Key>q</Key><Code>NoSuchKey</Code></Error><Error><Key>a</Key><Code>%s</Code><Message>in words</Message></Error></DeleteResult>", code)
			return
		}
		fmt.Fprint(w, "<DeleteResult/>")
	})
	if err := b.Delete(t.Context(), "a", "q"); err != nil {
		t.Error(err)
	}
	made.want(t, "DeleteObjects", "DeleteObjects")
	code = "AccessDenied"
	err := b.Delete(t.Context(), "a", "q")
	wantError(t, err, ErrRefused)
	wantWords(t, err, "a: AccessDenied: in words")
	made.want(t, "DeleteObjects")
}
