package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// begin runs the service with flags beside its folder, and returns its address. It must end well with the test.
func begin(t *testing.T, folder string, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-folder", folder}, args...), in, io.Discard)
		in.CloseWithError(io.ErrUnexpectedEOF)
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// post uploads content in the named field, after another field.
func post(t *testing.T, addr, field string, content []byte) (int, []byte) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("note", "before the file"); err != nil {
		t.Fatal(err)
	}
	part, err := form.CreateFormFile(field, "a.bin")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(content) // into memory
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	response, err := http.Post("http://"+addr+"/upload", form.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func TestEachWayStoresTheFileAndSendsItsEvent(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "statusNew"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	kafka := []string{"-kafka-brokers", cluster.ListenAddrs()[0]}
	content := bytes.Repeat([]byte("0123456789abcdef"), 30_000)
	for n, flags := range [][]string{
		kafka,
		append([]string{"-max-memory", "0"}, kafka...),
		append([]string{"-one-writer"}, kafka...),
		append([]string{"-stream", "-one-writer"}, kafka...),
	} {
		folder := filepath.Join(t.TempDir(), "made", "by it")
		addr := begin(t, folder, flags...)
		status, answer := post(t, addr, "file", content)
		var files []file
		if err := json.Unmarshal(answer, &files); err != nil || status != 201 || len(files) != 1 {
			t.Fatalf("%q: %d %s (%v)", flags, status, answer, err)
		}
		if f := files[0]; f.Name != "a.bin" || f.Size != int64(len(content)) {
			t.Errorf("%q: the answer is %+v", flags, f)
		}
		if kept, err := os.ReadFile(filepath.Join(folder, files[0].ID)); err != nil || !bytes.Equal(kept, content) {
			t.Errorf("%q: kept %d bytes of %d (%v)", flags, len(kept), len(content), err)
		}
		if end := cluster.PartitionInfo("statusNew", 0).HighWatermark; end != int64(n+1) {
			t.Errorf("%q: %d events, want %d", flags, end, n+1)
		}
	}
}

func TestAFormWithoutTheFileIsRefused(t *testing.T) {
	for _, flags := range [][]string{{"-no-kafka"}, {"-no-kafka", "-stream"}} {
		folder := t.TempDir()
		if status, answer := post(t, begin(t, folder, flags...), "other", []byte("x")); status != 400 {
			t.Errorf("%q: %d %s", flags, status, answer)
		}
		if kept, err := os.ReadDir(folder); err != nil || len(kept) != 0 {
			t.Errorf("%q: %d files were kept (%v)", flags, len(kept), err)
		}
	}
}

func TestFlags(t *testing.T) {
	for want, args := range map[string][]string{
		"-folder":        {"-no-kafka"},
		"-kafka-brokers": {"-folder", t.TempDir()},
		"listen":         {"-folder", t.TempDir(), "-no-kafka", "-listen", "nowhere"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
