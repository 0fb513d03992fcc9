package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"plateau/store/s3/s3test"
)

// bucket is one that a server keeps its uploads in. A test looks at it past the server and the proxy: at its files, which are what
// versitygw makes of objects, and by requests to the gateway.
type bucket struct {
	gateway *s3test.Gateway
	name    string
	proxy   *s3test.Proxy // what servers take for the gateway; nil: they talk to it
	network *network      // in place of a proxy; or nil
}

// objectOf is the key of an upload's object.
func objectOf(id string) string {
	object, _, _ := strings.Cut(id, "+")
	return object
}

func (b *bucket) path(key string) string { return b.gateway.Path(b.name, key) }

// keys are those directly below a folder of the bucket; empty: in no folder.
func (b *bucket) keys(t *testing.T, folder string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(b.path(folder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			list = append(list, e.Name())
		}
	}
	return list
}

func (b *bucket) records(t *testing.T) (list []record) {
	t.Helper()
	seen := map[string]bool{}
	for _, key := range b.keys(t, "") {
		object := strings.TrimSuffix(strings.TrimSuffix(key, ".info"), ".part")
		if seen[object] {
			continue
		}
		seen[object] = true
		if r, ok := b.record(t, object); ok {
			list = append(list, r)
		}
	}
	return list
}

// record reads the record of an object, or what the object carries of it; false: there is none.
func (b *bucket) record(t *testing.T, object string) (r record, ok bool) {
	t.Helper()
	text, err := os.ReadFile(b.path(object + ".info"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if len(text) == 0 {
		status, header, _ := b.ask(t, http.MethodHead, object, "")
		carried := header.Get("X-Amz-Meta-Plateau-Record")
		if status != http.StatusOK || carried == "" {
			return r, false
		}
		if text, err = base64.StdEncoding.DecodeString(carried); err != nil {
			t.Fatalf("the record that %s carries: %v", object, err)
		}
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("the record of %s: %v", object, err)
	}
	return r, true
}

func (b *bucket) kept(t *testing.T, id string) int64 {
	t.Helper()
	object, multipart, _ := strings.Cut(id, "+")
	if info, err := os.Stat(b.path(object)); err == nil {
		return info.Size()
	}
	r, ok := b.record(t, object)
	if !ok {
		return -1
	}
	if multipart == "" || multipart == "0" {
		multipart = r.Storage["Multipart"]
	}
	var end int64
	if multipart != "" {
		if end = b.parts(t, object, multipart); end < 0 {
			return -1
		}
	}
	status, header, _ := b.ask(t, http.MethodHead, object+".part", "")
	if status != http.StatusOK {
		return end
	}
	start := header.Get("X-Amz-Meta-Plateau-Start")
	if start != "" && start != strconv.FormatInt(end, 10) {
		return end
	}
	size, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil {
		t.Fatalf("the tail of %s: %v", object, err)
	}
	return end + size
}

// parts is where the contiguous parts of a multipart upload end; -1: there is no such upload.
func (b *bucket) parts(t *testing.T, object, multipart string) (end int64) {
	t.Helper()
	status, _, text := b.ask(t, http.MethodGet, object, "uploadId="+url.QueryEscape(multipart))
	if status == http.StatusNotFound {
		return -1
	}
	var list struct {
		Part []struct{ PartNumber, Size int64 }
	}
	if err := xml.Unmarshal(text, &list); status != http.StatusOK || err != nil {
		t.Fatalf("the parts of %s: status %d, %v\n%s", object, status, err, text)
	}
	for i, p := range list.Part {
		if p.PartNumber != int64(i+1) {
			break
		}
		end += p.Size
	}
	return end
}

// ask makes a request to the gateway itself.
func (b *bucket) ask(t *testing.T, method, key, query string) (status int, header http.Header, text []byte) {
	t.Helper()
	address := b.gateway.Endpoint + "/" + b.name + "/" + key
	if query != "" {
		address += "?" + query
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	must(t, err)
	b.gateway.Sign(request)
	transport := &http.Transport{DisableKeepAlives: true}
	if b.gateway.CA != nil {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(b.gateway.CA)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, response.Header, text
}

func (b *bucket) sealed(id string) bool {
	_, err := os.Stat(b.path(objectOf(id)))
	return err == nil
}

func (b *bucket) sum(t *testing.T, id string) string {
	t.Helper()
	return fileSum(t, b.path(objectOf(id)))
}

// intents are the ids of the entries in a folder of the outbox.
func (b *bucket) intents(t *testing.T, folder string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, key := range b.keys(t, "outbox/"+folder) {
		text, err := os.ReadFile(b.path("outbox/" + folder + "/" + key))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was delivered meanwhile
		}
		must(t, err)
		var entry struct {
			ID     string
			Intent struct{ ID string }
		}
		if err := json.Unmarshal(text, &entry); err != nil {
			t.Fatalf("outbox/%s/%s: %v", folder, key, err)
		}
		ids[entry.ID+entry.Intent.ID] = true
	}
	return ids
}

func (b *bucket) waiting(t *testing.T) map[string]bool {
	t.Helper()
	return b.intents(t, "pending")
}

func (b *bucket) wantNoneDead(t *testing.T) {
	t.Helper()
	for id := range b.intents(t, "dead") {
		t.Errorf("the event of %s is in outbox/dead", id)
	}
}

func (b *bucket) seesAll() bool { return false }

// wantNoNames wants no file with a name in the data folder of a server that keeps uploads in a bucket.
func wantNoNames(t *testing.T, data string) {
	t.Helper()
	err := filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	must(t, err)
}
