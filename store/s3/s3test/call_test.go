package s3test

import (
	"crypto/md5"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"
)

func TestOperations(t *testing.T) {
	for _, c := range []struct {
		method, target, source string
		want                   Operation
		bucket, key            string
	}{
		{"GET", "/", "", ListBuckets, "", ""},
		{"POST", "/", "", Other, "", ""},
		{"PUT", "/b", "", CreateBucket, "b", ""},
		{"PUT", "/b/", "", CreateBucket, "b", ""},
		{"HEAD", "/b", "", HeadBucket, "b", ""},
		{"DELETE", "/b", "", DeleteBucket, "b", ""},
		{"GET", "/b?list-type=2&prefix=a%2Fb", "", ListObjectsV2, "b", ""},
		{"GET", "/b?prefix=a", "", ListObjects, "b", ""},
		{"GET", "/b?location", "", Other, "b", ""},
		{"PUT", "/b?versioning=", "", Other, "b", ""},
		{"GET", "/b/?uploads=&x-id=ListMultipartUploads", "", ListMultipartUploads, "b", ""},
		{"POST", "/b?delete", "", DeleteObjects, "b", ""},
		{"PUT", "/b/k", "", PutObject, "b", "k"},
		{"PUT", "/b/k", "b/other", CopyObject, "b", "k"},
		{"PUT", "/b/k?tagging", "", Other, "b", "k"},
		{"GET", "/b/a%2Fb%2B/c?x-id=GetObject", "", GetObject, "b", "a/b+/c"},
		{"GET", "/b/k?attributes", "", Other, "b", "k"},
		{"HEAD", "/b/k", "", HeadObject, "b", "k"},
		{"DELETE", "/b/k?x-id=DeleteObject", "", DeleteObject, "b", "k"},
		{"POST", "/b/k?uploads", "", CreateMultipartUpload, "b", "k"},
		{"PUT", "/b/k?partNumber=1&uploadId=u", "", UploadPart, "b", "k"},
		{"PUT", "/b/k?partNumber=1&uploadId=u", "b/other", UploadPartCopy, "b", "k"},
		{"GET", "/b/k?uploadId=u&max-parts=3", "", ListParts, "b", "k"},
		{"POST", "/b/k?uploadId=u", "", CompleteMultipartUpload, "b", "k"},
		{"DELETE", "/b/k?uploadId=u", "", AbortMultipartUpload, "b", "k"},
		{"PATCH", "/b/k", "", Other, "b", "k"},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		if c.source != "" {
			r.Header.Set("X-Amz-Copy-Source", c.source)
		}
		got := describe(r)
		if got.Operation != c.want || got.Bucket != c.bucket || got.Key != c.key {
			t.Errorf("%s %s: %s, bucket %q, key %q", c.method, c.target, got.Operation, got.Bucket, got.Key)
		}
	}
}

// Every operation that a store makes goes through the proxy as if it weren't there, and is counted.
func TestEachOperation(t *testing.T) {
	for name, begin := range map[string]func(testing.TB) *Gateway{"http": Start, "https": StartTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := begin(t)
			p := StartProxy(t, g)
			c := newClient(t, g, p.Endpoint)
			bucket := "/" + g.Bucket
			c.want(200, http.MethodHead, bucket, nil)
			c.want(200, http.MethodPut, bucket+"/small+a%20b", []byte("small"), "If-None-Match", "*", "X-Amz-Meta-A", "b")
			c.want(412, http.MethodPut, bucket+"/small+a%20b", []byte("other"), "If-None-Match", "*")
			if got := c.want(206, http.MethodGet, bucket+"/small+a%20b", nil, "Range", "bytes=1-2"); got != "ma" {
				t.Errorf("the range is %q", got)
			}
			c.want(200, http.MethodHead, bucket+"/small+a%20b", nil)
			c.want(200, http.MethodGet, bucket+"?list-type=2&prefix=sm", nil)

			upload := func() string {
				text := c.want(200, http.MethodPost, bucket+"/large?uploads", nil)
				return regexp.MustCompile("<UploadId>(.*)</UploadId>").FindStringSubmatch(text)[1]
			}
			id := upload()
			c.want(200, http.MethodPut, bucket+"/large?partNumber=1&uploadId="+id, make([]byte, 5<<20))
			c.want(200, http.MethodPut, bucket+"/large?partNumber=2&uploadId="+id, nil, "X-Amz-Copy-Source", bucket+"/small%2Ba%20b")
			parts := c.want(200, http.MethodGet, bucket+"/large?uploadId="+id, nil)
			c.want(200, http.MethodGet, bucket+"?uploads", nil)
			var list string
			for i, etag := range regexp.MustCompile("<ETag>(.*)</ETag>").FindAllStringSubmatch(parts, -1) {
				list += "<Part><PartNumber>" + strconv.Itoa(i+1) + "</PartNumber><ETag>" + etag[1] + "</ETag></Part>"
			}
			c.want(200, http.MethodPost, bucket+"/large?uploadId="+id,
				[]byte(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`+list+"</CompleteMultipartUpload>"))
			c.want(204, http.MethodDelete, bucket+"/large?uploadId="+upload(), nil)
			c.want(204, http.MethodDelete, bucket+"/large", nil)
			deletes := []byte("<Delete><Object><Key>small+a b</Key></Object></Delete>")
			sum := md5.Sum(deletes)
			c.want(200, http.MethodPost, bucket+"?delete", deletes, "Content-MD5", base64.StdEncoding.EncodeToString(sum[:]))

			want := map[Operation]int{
				HeadBucket: 1, PutObject: 2, GetObject: 1, HeadObject: 1, ListObjectsV2: 1, CreateMultipartUpload: 2, UploadPart: 1,
				UploadPartCopy: 1, ListParts: 1, ListMultipartUploads: 1, CompleteMultipartUpload: 1, AbortMultipartUpload: 1,
				DeleteObject: 1, DeleteObjects: 1,
			}
			if got := p.Counts(); !maps.Equal(got, want) {
				t.Errorf("counted %v\nwant    %v", got, want)
			}
			calls := p.Calls()
			refused := calls[2]
			if refused.N != 3 || refused.Nth != 2 || refused.Key != "small+a b" || refused.Length != 5 ||
				refused.Header.Get("If-None-Match") != "*" || refused.Answered != 412 || refused.Heard != 412 {
				t.Errorf("the refused call is %+v", refused)
			}
			p.Forget()
			if len(p.Calls()) != 0 {
				t.Error("it remembers")
			}
		})
	}
}
