package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// file is one file as it is served.
type file struct {
	contentType string
	cache       string // Cache-Control
	plain       variant
	packed      func() variant // compressed, when first asked for; no content where that would save little
}

// variant is one form of a file. Embedded files have no date, so the ETag names the content.
type variant struct {
	content []byte
	etag    string
}

func newFile(name string, content []byte) file {
	f := file{
		contentType: contentType(name),
		cache:       "no-cache",
		plain:       newVariant(content),
		packed:      sync.OnceValue(func() variant { return pack(content) }),
	}
	if strings.HasPrefix(name, "assets/") { // its name changes with its content
		f.cache = "public, max-age=31536000, immutable"
	}
	return f
}

// pack compresses. Writing to memory cannot fail.
func pack(content []byte) variant {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(content)
	_ = z.Close()
	if buf.Len() > len(content)*9/10 {
		return variant{}
	}
	return newVariant(buf.Bytes())
}

func newVariant(content []byte) variant {
	sum := sha256.Sum256(content)
	return variant{content, `"` + hex.EncodeToString(sum[:16]) + `"`}
}

// render fills the options into a page. It is HTML before and after: the template escapes.
func render(page []byte, options any) ([]byte, error) {
	t, err := template.New("page").Parse(string(page))
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, options); err != nil {
		return nil, fmt.Errorf("fill in: %w", err)
	}
	return out.Bytes(), nil
}

// acceptsGzip reads Accept-Encoding. What is not clear is taken for no.
func acceptsGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q := strings.TrimPrefix(strings.ReplaceAll(strings.ToLower(quality), " ", ""), "q=")
		return strings.Trim(q, "0.") != "" || q == ""
	}
	return false
}

// contentType does not ask the machine's own table for the types that a page is made of: it may be wrong or missing.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		if byName := mime.TypeByExtension(ext); byName != "" {
			return byName
		}
		return "application/octet-stream"
	}
}
