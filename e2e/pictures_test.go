package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	picture "image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// picturesAfter is how long the server has been at work when the README's pictures of it are taken.
const picturesAfter = 5 * time.Minute

// pictureSize is what a picture may weigh, in bytes.
const pictureSize = 150_000

// TestPictures takes the README's pictures of what operators see, of a server at work: operator.png and flame.png, into the folder that
// PLATEAU_E2E_PICTURES names.
func TestPictures(t *testing.T) {
	folder := os.Getenv("PLATEAU_E2E_PICTURES")
	if folder == "" {
		t.Skip("PLATEAU_E2E_PICTURES names no folder for them")
	}
	ctx, random := boundedBy(t, picturesAfter+testTimeout), seeded(t)
	p := startPlateau(ctx, t, t.TempDir(), "--kafka-brokers", startFakeKafka(t).addr, "--delete-finished-after", "1m")
	ctx, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	defer clients.Wait()
	defer stop()
	for i := range 8 {
		seed := random.Uint64()
		clients.Go(func() { p.keepUploading(ctx, rand.New(rand.NewPCG(seed, 0)), i < 3) })
	}
	b := startBrowser(ctx, t, "")
	page := p.openOperator(b)
	page.show(1200, 1000, "light")
	page.click(`#plots .span label:has(input[value="300"])`)
	select {
	case <-time.After(picturesAfter):
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx))
	}
	page.waitFor(`document.querySelector('#uploads tbody').children.length > 4`) // the small ones come and go
	page.do("screenshot", args{"path": filepath.Join(folder, "operator.png")}, nil)
	flame := page.follow(`a[href="debug/flame/cpu"]`)
	flame.show(1200, 700, "light")
	flame.waitFor(`document.querySelectorAll('#stack-chart .boxbg').length > 5`)
	flame.do("screenshot", args{"path": filepath.Join(folder, "flame.png"), "window": true}, nil)
	for _, name := range []string{"operator.png", "flame.png"} {
		if size := shrink(t, filepath.Join(folder, name)); size > pictureSize {
			t.Errorf("%s has %d bytes, more than %d", name, size, pictureSize)
		}
	}
}

// shrink writes a picture of a page again in its 256 commonest colours, which nobody can tell from all of them, and returns its size.
func shrink(t *testing.T, path string) int64 {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	full, err := png.Decode(bytes.NewReader(text))
	must(t, err)
	area, number := full.Bounds(), map[color.Color]int{}
	for y := range area.Dy() {
		for x := range area.Dx() {
			number[full.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(number), func(a, b color.Color) int { return cmp.Compare(number[b], number[a]) })
	palette := color.Palette(colours[:min(256, len(colours))])
	nearest := map[color.Color]uint8{}
	for _, c := range colours {
		nearest[c] = uint8(palette.Index(c))
	}
	few := picture.NewPaletted(area, palette)
	for y := range area.Dy() {
		for x := range area.Dx() {
			few.SetColorIndex(x, y, nearest[full.At(x, y)])
		}
	}
	var b bytes.Buffer
	must(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, few))
	must(t, os.WriteFile(path, b.Bytes(), 0o644))
	return int64(b.Len())
}

// keepUploading sends one upload after the other until ctx ends: small ones, or large ones at a rate of their own.
func (p *plateau) keepUploading(ctx context.Context, random *rand.Rand, small bool) {
	for ctx.Err() == nil {
		size, rate := int64(20_000+random.IntN(200_000)), int64(400_000+random.IntN(800_000))
		if !small {
			size, rate = int64(20_000_000+random.IntN(200_000_000)), int64(1_000_000+random.IntN(4_000_000))
		}
		body := &paced{ctx: ctx, left: size, rate: rate}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.files, body)
		if err != nil {
			return
		}
		request.ContentLength = size
		for name, value := range map[string]string{
			"Tus-Resumable": "1.0.0", "Upload-Length": fmt.Sprint(size), "Content-Type": "application/offset+octet-stream",
		} {
			request.Header.Set(name, value)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
		}
	}
}

// paced is a body that comes at a rate, in bytes a second.
type paced struct {
	ctx        context.Context
	left, rate int64
}

func (p *paced) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.left, p.rate/10+1))
	select {
	case <-p.ctx.Done():
		return 0, p.ctx.Err()
	case <-time.After(time.Duration(n) * time.Second / time.Duration(p.rate)):
	}
	p.left -= int64(n)
	return copy(b, bytes.Repeat([]byte{'x'}, n)), nil
}
