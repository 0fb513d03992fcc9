package bucket

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// discard is another process's main: an endpoint that takes everything and keeps
// nothing, until its standard input ends.
func discard() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	_ = http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"e"`)
	}))
}

func discarding(b *testing.B) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "PLATEAU_TEST_DISCARD=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(line)
}

// BenchmarkPutPart shows the CPU time of this process for each GB of parts sent, from a
// file and from memory.
func BenchmarkPutPart(b *testing.B) {
	endpoint := discarding(b)
	const size = 8 * mib
	data := make([]byte, size)
	_, _ = rand.Read(data)
	file, err := os.CreateTemp(b.TempDir(), "part")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		b.Fatal(err)
	}
	fromFile := Content{Body: file, Size: size, CRC32C: sumOf(data)}
	for _, c := range []struct {
		name, checksum string
		content        Content
	}{
		{"file", "crc32c", fromFile},
		{"memory", "crc32c", content(data)},
		{"file, sha256", "sha256", fromFile},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, _ := opened(b, Options{Name: "b", Endpoint: endpoint, Checksum: c.checksum, AccessKey: "a", SecretKey: "s"}, nil)
			b.SetBytes(size)
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				if _, err := s.PutPart(b.Context(), "a", "i", 1, c.content); err != nil {
					b.Fatal(err)
				}
			}
			used := cpu(b) - before
			b.ReportMetric(used.Seconds()/(float64(b.N)*size/1e9), "CPU-s/GB")
		})
	}
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
