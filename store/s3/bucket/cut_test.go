package bucket

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// cutting passes connections on to an address, and cuts each after some bytes from the
// client: as the endpoint sees it, the client then says that it will send no more.
func cutting(t *testing.T, addr string, after int64) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { cutConn(client, addr, after) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait()
	})
	return l.Addr().String()
}

func cutConn(client net.Conn, addr string, after int64) {
	defer client.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	_, _ = io.CopyN(server, client, after)
	_ = server.(*net.TCPConn).CloseWrite()
	back.Wait() // the endpoint has seen it, and did with it what it does
}

// A body that is cut on its way stores nothing, however it is proved. Without a proof
// the gateway stores it, filled up with zeros.
func TestCutBodyStoresNothing(t *testing.T) {
	for _, checksum := range []string{"crc32c", "crc32c-object", "sha256"} {
		t.Run(checksum, func(t *testing.T) {
			g := shared.Gateway(t)
			o := optionsFor(g, g.NewBucket(t))
			o.Checksum = checksum
			b, _ := opened(t, o, nil)
			id := must(b.CreateMultipart(t.Context(), "m", nil, ""))(t)
			o.Endpoint = "http://" + cutting(t, strings.TrimPrefix(g.Endpoint, "http://"), 6*mib)
			through, _ := opened(t, o, nil)
			body := make([]byte, 8*mib)
			_, err := through.PutPart(t.Context(), "m", id, 1, content(body))
			wantError(t, err, ErrAway)
			_, err = through.Put(t.Context(), "a", content(body), Absent)
			wantError(t, err, ErrAway)
			if stored := must(b.Parts(t.Context(), "m", id))(t); len(stored) > 0 {
				t.Errorf("stored %+v", stored)
			}
			_, err = b.Head(t.Context(), "a")
			wantError(t, err, ErrNotFound)
		})
	}
}
