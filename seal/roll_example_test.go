package seal_test

import (
	"fmt"

	"github.com/tilltape/tilltape/seal"
)

// Two leaves of a log of eight are shown, and what is common to their ways up is in the proof once.
func ExampleVerifyTogether() {
	var log seal.Together
	var shown []seal.Hash
	for i := range 8 {
		leaf := seal.LeafHash(fmt.Appendf(nil, "record %d", i))
		log.Append(leaf, i == 2 || i == 7)
		if i == 2 || i == 7 {
			shown = append(shown, leaf)
		}
	}
	proof, root := log.Proof(), log.Root()
	fmt.Println(len(proof), "hashes")
	fmt.Println(seal.VerifyTogether(proof, 8, root, []uint64{2, 7}, shown))
	err := seal.VerifyTogether(proof, 8, root, []uint64{2, 6}, shown)
	fmt.Println(err != nil)
	// Output:
	// 4 hashes
	// <nil>
	// true
}

// Whoever holds the roll's root knows how many records a stream has, from one entry and a few hashes.
func ExampleVerifyRoll() {
	streams := []seal.RollEntry{
		{Stream: seal.StreamKey("order", "o-1"), Version: 3, Position: 8, Record: seal.LeafHash([]byte("record 7"))},
		{Stream: seal.StreamKey("order", "o-2"), Version: 5, Position: 7, Record: seal.LeafHash([]byte("record 6"))},
	}
	roll, err := seal.NewRoll(streams)
	if err != nil {
		fmt.Println(err)
		return
	}
	entry, path, _ := roll.Prove(seal.StreamKey("order", "o-1"))
	fmt.Println(entry.Version, "records,", len(path), "hash beside the way")
	fmt.Println(seal.VerifyRoll(path, roll.Root(), entry))
	entry.Version--
	fmt.Println(seal.VerifyRoll(path, roll.Root(), entry) != nil)
	// Output:
	// 3 records, 1 hash beside the way
	// <nil>
	// true
}

func ExampleSigner_SignRoll() {
	signerKey, verifierKey := fixedKeys("shop.example/orders", 0)
	signer, err := seal.NewSigner(signerKey)
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, err := signer.SignRoll(seal.SignedRoll{
		Log:  seal.Checkpoint{Origin: "shop.example/orders/1", Size: 8, Root: seal.LeafHash([]byte("log"))},
		Root: seal.LeafHash([]byte("roll")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := seal.NewVerifier(verifierKey)
	if err != nil {
		fmt.Println(err)
		return
	}
	said, err := seal.OpenRoll(signed, verifier)
	fmt.Println(said.Log.Size, said.Root == seal.LeafHash([]byte("roll")), err)
	// Output:
	// 8 true <nil>
}
