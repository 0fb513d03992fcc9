package main

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCounterTellsCallsApart has an S3 that answers each call with what it heard.
func TestCounterTellsCallsApart(t *testing.T) {
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" ")
		_, _ = io.Copy(w, r.Body)
	}))
	defer s3.Close()
	c, err := startCounter(s3.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	call := func(method, path, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, c.endpoint+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		got, err := io.ReadAll(a.Body)
		// The host is signed, and so it must be passed on as it came.
		if want := r.URL.Host + " " + body; err != nil || method != "HEAD" && string(got) != want {
			t.Errorf("%s %s: S3 heard %q, want %q (%v)", method, path, got, want, err)
		}
	}
	call("PUT", "/b/start", "x")
	c.forget()
	call("PUT", "/b/k", "data")
	call("GET", "/b/k", "")
	call("HEAD", "/b/k", "")
	call("DELETE", "/b/k.part", "")
	call("POST", "/b/k?uploads=", "")
	call("PUT", "/b/k?uploadId=u&partNumber=1", "part")
	call("GET", "/b/k?uploadId=u", "")
	call("POST", "/b/k?uploadId=u", "list")
	call("DELETE", "/b/k?uploadId=u", "")
	call("PUT", "/b/outbox/pending/k", "event")
	call("POST", "/b?delete=", "<Delete><Object><Key>k.part</Key></Object></Delete>")
	call("POST", "/b/k?select", "")
	call("GET", "/b/outbox/pending/k", "")
	call("POST", "/b?delete=", "<Delete><Object><Key>outbox/pending/k</Key></Object></Delete>")
	call("GET", "/b?list-type=2&prefix=outbox%2F", "")
	call("GET", "/b?uploads", "")
	call("HEAD", "/b", "")
	uploads, other := c.counts()
	if want := map[string]int{
		"PutObject": 2, "GetObject": 1, "HeadObject": 1, "DeleteObject": 1, "DeleteObjects": 1, "CreateMultipartUpload": 1, "UploadPart": 1,
		"ListParts": 1, "CompleteMultipartUpload": 1, "AbortMultipartUpload": 1, "POST /b/k?select": 1,
	}; !maps.Equal(uploads, want) {
		t.Errorf("of uploads: %v\nwant        %v", uploads, want)
	}
	if want := map[string]int{
		"GetObject": 1, "DeleteObjects": 1, "ListObjectsV2": 1, "ListMultipartUploads": 1, "HeadBucket": 1,
	}; !maps.Equal(other, want) {
		t.Errorf("other: %v\nwant   %v", other, want)
	}
}
