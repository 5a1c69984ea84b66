package seal_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/tilltape/tilltape/seal"
)

// A witness, whose operator has been told the log's origin and key, cosigns the newest checkpoint; prove is the method
// ProveConsistency of the log.
func ExampleWitness_Cosign() {
	operator := newSomebody("witness.example/1", "shop.example/orders")
	server := httptest.NewServer(operator)
	defer server.Close()
	key, err := seal.NewWitnessKey(operator.publicKey())
	if err != nil {
		fmt.Println(err)
		return
	}
	witness, err := seal.NewWitness(nil, server.URL+"/somewhere", key)
	if err != nil {
		fmt.Println(err)
		return
	}

	signerKey, _ := fixedKeys("shop.example/orders", 0)
	signer, err := seal.NewSigner(signerKey)
	if err != nil {
		fmt.Println(err)
		return
	}
	var tree seal.Tree
	tree.Append(seal.LeafHash([]byte("one")))
	signed, err := signer.Sign(seal.Checkpoint{Origin: "shop.example/orders", Size: tree.Size(), Root: tree.Root()})
	if err != nil {
		fmt.Println(err)
		return
	}
	prove := func(context.Context, uint64, uint64) ([]seal.Hash, error) { return nil, nil }
	cosigned, err := witness.Cosign(context.Background(), signed, prove, signer.Verifier())
	if err != nil {
		fmt.Println(err)
		return
	}
	who, err := seal.Cosigned(cosigned, key)
	fmt.Println(who, err)
	// Output:
	// [{witness.example/1 2026-11-18 11:06:40 +0000 UTC}] <nil>
}
