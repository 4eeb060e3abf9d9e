import Comparison
import Testing

@Suite struct NameFormsTests {
  @Test(arguments: [
    ("dense/kernel", "dense/kernel", "dense/kernel"),
    ("dense/kernel:0", "dense/kernel", "dense/kernel"),
    ("dense/dense/kernel:0", "dense/kernel", "dense/kernel"),
    ("model_weights/dense/dense/kernel:0", "dense/kernel", "dense/kernel"),
    ("dense.kernel", "dense/kernel", "dense/kernel"),
    (
      "lstm/lstm_cell/recurrent_kernel:0", "lstm/lstm_cell/recurrent_kernel",
      "lstm/recurrent_kernel"
    ),
    ("block.0/kernel", "block.0/kernel", "block.0/kernel"),
    ("kernel", "kernel", "kernel"),
    ("", "", ""),
    (":0", ":0", ":0"),
    ("a:b", "a:b", "a:b"),
    ("dense/kernel:", "dense/kernel:", "dense/kernel:"),
  ])
  func aNameHasACanonicalAndAShortForm(_ name: String, canonical: String, short: String) {
    #expect(NameForms(name).canonical == canonical)
    #expect(NameForms(name).short == short)
  }

  @Test(arguments: [
    // Keras 3 puts the model's name before the layer's, Keras 2 does not repeat it.
    ("conv", "sequential/conv/kernel", "conv/kernel"),
    ("conv", "conv/kernel:0", "conv/kernel"),
    ("base", "base/base_conv/kernel", "base/base_conv/kernel"),
    ("base", "base_conv/kernel:0", "base/base_conv/kernel"),
    ("attention", "attention/query/kernel", "attention/query/kernel"),
    ("dense", "kernel", "dense/kernel"),
    // A weight that is called like its layer keeps its name.
    ("scale", "scale", "scale/scale"),
    ("a/b", "model/a/b/kernel", "a/b/kernel"),
  ])
  func aLayersWeightIsNamedByItsLayer(_ layer: String, weight: String, expected: String) {
    #expect(NameForms(layer: layer, weight: weight).canonical == expected)
  }
}
