package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// counter stands between a server and S3, and counts calls by their names.
type counter struct {
	endpoint string
	server   *http.Server
	served   chan error

	mu             sync.Mutex // guards uploads and other
	uploads, other map[string]int
}

// startCounter starts one before an endpoint; the caller must call close.
func startCounter(endpoint string) (*counter, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("count calls: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("count calls: %w", err)
	}
	c := &counter{endpoint: "http://" + listener.Addr().String(), served: make(chan error, 1)}
	c.forget()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 128, DisableCompression: true},
	}
	c.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.note(r); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { c.served <- c.server.Serve(listener) }()
	return c, nil
}

// close cuts all connections and waits.
func (c *counter) close() {
	_ = c.server.Close() // all that it could say is that the listener was closed before
	<-c.served
}

// forget begins anew.
func (c *counter) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uploads, c.other = map[string]int{}, map[string]int{}
}

// counts are the calls that uploads took, and those for what happens beside them: sending and removing events, looking for what is
// left from before.
func (c *counter) counts() (uploads, other map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.uploads), maps.Clone(c.other)
}

func (c *counter) note(r *http.Request) error {
	name, key := callName(r)
	ofUpload := true
	switch {
	case name == "DeleteObjects":
		body, err := io.ReadAll(io.LimitReader(r.Body, 2<<20)) // names, no data
		if err != nil {
			return fmt.Errorf("read what is to be deleted: %w", err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		ofUpload = !bytes.Contains(body, []byte("<Key>outbox/"))
	case key == "":
		ofUpload = false
	case strings.HasPrefix(key, "outbox/"):
		ofUpload = r.Method == http.MethodPut // the entry of its event
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ofUpload {
		c.uploads[name]++
	} else {
		c.other[name]++
	}
	return nil
}

// callName is S3's name of what a request asks for, and the key that it is about; there is none where a bucket is asked.
func callName(r *http.Request) (name, key string) {
	_, key, _ = strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	names := map[string]string{"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
	switch {
	case key == "" && q.Has("delete"):
		names = map[string]string{"POST": "DeleteObjects"}
	case key == "" && q.Has("uploads"):
		names = map[string]string{"GET": "ListMultipartUploads"}
	case key == "":
		names = map[string]string{"GET": "ListObjectsV2", "HEAD": "HeadBucket"}
	case q.Has("uploads"):
		names = map[string]string{"POST": "CreateMultipartUpload"}
	case q.Has("uploadId"):
		names = map[string]string{
			"PUT": "UploadPart", "GET": "ListParts", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload",
		}
	}
	if name, ok := names[r.Method]; ok {
		return name, key
	}
	return r.Method + " " + r.URL.RequestURI(), key
}
