package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wish is something that a client may ask of a server: tus-js-client's options, by their effect, and a download.
type wish struct {
	name  string
	works func(t *testing.T, server *peer, client *tus) bool
}

// wishes tries what clients may wish for, and names the extensions that a server has beside.
func wishes(ctx context.Context, t *testing.T, kind peerKind) string {
	server := kind.start(ctx, t, t.TempDir())
	client := newTus(ctx, server.files)
	var not, more []string
	for extension := range strings.SplitSeq(client.do(http.MethodOptions, client.files, nil, nil).header.Get("Tus-Extension"), ",") {
		switch extension = strings.TrimSpace(extension); extension {
		case "creation", "creation-with-upload", "creation-defer-length", "termination", "concatenation", "getting":
		default:
			more = append(more, extension)
		}
	}
	for _, w := range allWishes() {
		if !w.works(t, server, client) {
			not = append(not, w.name)
		}
	}
	said := "all"
	if len(not) > 0 {
		said += " but " + strings.Join(not, ", ")
	}
	if len(more) > 0 {
		slices.Sort(more)
		said += "; also " + strings.Join(more, ", ")
	}
	return said
}

func allWishes() []wish {
	body := []byte("0123456789")
	stream := headers{"Content-Type": "application/offset+octet-stream", "Upload-Length": "10"}
	return []wish{
		{"empty files", func(_ *testing.T, _ *peer, client *tus) bool {
			a := client.create(0, nil)
			head := client.head(a.header.Get("Location"))
			return a.status == http.StatusCreated && head.status == http.StatusOK && head.offset() == 0
		}},
		{"data in the creation", func(t *testing.T, server *peer, client *tus) bool {
			a := client.do(http.MethodPost, client.files, stream, body)
			return a.status == http.StatusCreated && server.has(t, a.header.Get("Location"), body)
		}},
		{"a length declared late", func(t *testing.T, server *peer, client *tus) bool {
			address := client.create(-1, nil).header.Get("Location")
			return client.patch(address, 0, body[:5], nil).status == http.StatusNoContent &&
				client.patch(address, 5, body[5:], headers{"Upload-Length": "10"}).status == http.StatusNoContent &&
				server.has(t, address, body)
		}},
		{"method override", func(t *testing.T, server *peer, client *tus) bool {
			address := client.mustCreate(t, 10, nil)
			a := client.do(http.MethodPost, address, headers{
				"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream",
			}, body)
			return a.status == http.StatusNoContent && server.has(t, address, body)
		}},
		{"parallel parts", func(_ *testing.T, _ *peer, client *tus) bool {
			return client.create(10, headers{"Upload-Concat": "partial"}).status == http.StatusCreated
		}},
		// The last, since @tus/server over Node 20 may end with its answer to a GET.
		{"downloads by range", func(t *testing.T, _ *peer, client *tus) bool {
			address := client.mustCreate(t, 10, nil)
			client.mustPatch(t, address, 0, body)
			a := client.do(http.MethodGet, address, headers{"Range": "bytes=3-5"}, nil)
			return a.status == http.StatusPartialContent && a.body == "345"
		}},
	}
}

// memory is what bench has measured.
func memory(_ context.Context, t *testing.T, kind peerKind) string {
	text, err := os.ReadFile("../bench/RESULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| a \| memory at the end +\| MB +\| ([\d.]+) .*?\| .*?\| ([\d.]+) `).FindSubmatch(text)
	if row == nil {
		t.Fatal("bench/RESULTS.md has no line for the memory at the end")
	}
	var mb float64
	switch kind.name {
	case "tusd":
		_, err = fmt.Sscan(string(row[1]), &mb)
	case "Plateau":
		_, err = fmt.Sscan(string(row[2]), &mb)
	default:
		return "not measured"
	}
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%.0f MB", mb)
}

// offer is something to look for in a text.
type offer struct{ name, pattern string }

// around lists where a server can put uploads, and whom it can tell of a finished one.
func around(_ context.Context, t *testing.T, kind peerKind) string {
	text := kind.says(t)
	return "disk" + offered(text, []offer{
		{"S3", `-s3-bucket\b|/s3-store\b`},
		{"Google Cloud", `-gcs-bucket\b|/gcs-store\b`},
		{"Azure", `-azure-storage\b|/azure-store\b`},
	}) + "; " + strings.TrimPrefix(logged(kind)+offered(text, []offer{
		{"own code", `\bonUploadFinish\b`},
		{"scripts", `-hooks-dir\b`},
		{"HTTP", `-hooks-http\b|-webhook-url\b`},
		{"gRPC", `-hooks-grpc\b`},
		{"Go plugin", `-hooks-plugin\b`},
		{"AMQP", `-hooks-amqp-url\b`},
		{"Kafka", `-kafka-urls\b|-kafka-brokers\b`},
		{"NATS", `-nats-urls\b`},
	}), ", ")
}

// logged is where a program tells of an upload without being asked. A library tells nobody.
func logged(kind peerKind) string {
	if kind.name == "@tus/server" {
		return ""
	}
	return ", log"
}

// offered lists what a text names.
func offered(text string, all []offer) string {
	var list strings.Builder
	for _, o := range all {
		if regexp.MustCompile(o.pattern).MatchString(text) {
			list.WriteString(", " + o.name)
		}
	}
	return list.String()
}
