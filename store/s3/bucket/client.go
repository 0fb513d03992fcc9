package bucket

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

// connect makes the SDK's client. Its own retries are off, as is their token bucket,
// out of which an endpoint's bad minute would take every retry of a good one; so are
// the checksums that it would compute itself, since over http it then hashes SHA-256
// as well.
func (b *Bucket) connect(ctx context.Context) error {
	// For credentials only (STS, instance metadata), which are asked for rarely.
	forCredentials := awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = 2 * time.Second }).
		WithTransportOptions(func(t *http.Transport) { t.DisableKeepAlives = true })
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(forCredentials),
		config.WithLogger(logging.Nop{}),
		config.WithAppID("plateau"),
	}
	if b.o.Region != "" {
		load = append(load, config.WithRegion(b.o.Region))
	}
	if b.o.AccessKey != "" {
		load = append(load, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(b.o.AccessKey, b.o.SecretKey, "")))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return fmt.Errorf("the AWS SDK's configuration: %w", err)
	}
	// AWS_CA_BUNDLE, which the SDK puts only into a client of its own.
	trust := newTransport(nil).TLSClientConfig
	if c, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		trust = c.GetTransport().TLSClientConfig
	}
	if trust != nil && trust.RootCAs != nil {
		b.calls, b.readers = newPool(b.o.Conns, trust.RootCAs), newPool(0, trust.RootCAs)
	} else {
		b.calls, b.readers = newPool(b.o.Conns, nil), newPool(0, nil)
	}
	b.s3 = s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.Region = cmp.Or(o.Region, "us-east-1")
		o.HTTPClient = b.calls
		o.Retryer = aws.NopRetryer{}
		o.RetryMaxAttempts = 1
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		if b.o.Endpoint != "" {
			o.BaseEndpoint = &b.o.Endpoint
		}
		o.UsePathStyle = pathStyle(b.o.PathStyle, aws.ToString(o.BaseEndpoint))
		b.identity = o.Credentials
	})
	b.signer = s3.NewPresignClient(b.s3)
	return nil
}

// pathStyle decides "auto": a bucket's name can't be put before an IP address, and
// nobody resolves it before a name without a dot.
func pathStyle(setting, endpoint string) bool {
	u, err := url.Parse(endpoint)
	if setting != "auto" || endpoint == "" || err != nil {
		return setting == "on"
	}
	host := u.Hostname()
	return net.ParseIP(host) != nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost")
}

// unsigned leaves the payload out of the signature: a CRC32C header proves it.
func unsigned(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}
