package bucket

import (
	"io"
	"net/http"
	"testing"
	"time"
)

func TestPresign(t *testing.T) {
	b, made := gateway(t, nil)
	must(b.Put(t.Context(), "a", text("0123456789"), Absent))(t)
	made.take()
	address := must(b.Presign(t.Context(), "a", time.Minute, "text/x-own", `attachment; filename="ä b.txt"`))(t)
	made.want(t)
	req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil))(t)
	req.Header.Set("Range", "bytes=2-4")
	resp := must(http.DefaultClient.Do(req))(t)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusPartialContent || string(data) != "234" {
		t.Errorf("%d: %q, %v", resp.StatusCode, data, err)
	}
	if resp.Header.Get("Content-Type") != "text/x-own" || resp.Header.Get("Content-Disposition") != `attachment; filename="ä b.txt"` {
		t.Errorf("%v", resp.Header)
	}
	http.DefaultClient.CloseIdleConnections()
}
