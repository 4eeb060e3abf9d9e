import Checkpoints
import Foundation
import ModelCore
import TestSupport
import Testing

@Suite struct KerasConfigurationTests {
  static let networks = [
    "activations", "batchnorm", "batchnorm_after_bias", "conv_dilated", "conv_same_strided",
    "conv_winograd", "dropout", "functional_branches", "lenet", "lenet_softmax", "mlp", "pools",
    "residual", "binary", "merges", "operations", "mobile", "more_activations", "sequence",
  ]

  private func architecture(_ json: String) throws -> Architecture {
    try KerasConfiguration(parsing: json).architecture
  }

  private func sequential(_ layer: String) throws -> Layer {
    let json = """
      {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 9, 9, 2], "name": "i"}},
        \(layer)]}}
      """
    return try #require(try architecture(json).layers.last)
  }

  @Test(arguments: networks)
  func readsWhatKerasWrites(_ name: String) throws {
    let text = try Fixtures.text("networks/\(name)/architecture.json")
    let architecture = try architecture(text)
    let shapes = try architecture.shapes()
    #expect(shapes.count == architecture.layers.count)
    // Keras notes the shape that it built each layer for.
    for entry in try JSONValue(parsing: text)["config"]?["layers"]?.array ?? [] {
      guard let built = entry["build_config"]?["input_shape"]?.array,
        let name = entry["name"]?.string ?? entry["config"]?["name"]?.string,
        let layer = architecture.layers.first(where: { $0.name == name }), layer.inputs.count == 1
      else { continue }
      let expected = built.dropFirst().compactMap { $0.integer.map(Int.init) }
      let found = shapes[layer.inputs[0]]?.dimensions
      #expect(built.first?.array != nil || found == expected, "\(name)")
    }
  }

  /// What a call of a function of `keras.ops` is given, and what it comes to.
  @Test(arguments: [
    ("Add", "[T, 3.0]", Layer.Kind.affine(.rescaling(scale: [1], offset: [3]))),
    ("Subtract", "[3.0, T]", .affine(.rescaling(scale: [-1], offset: [3]))),
    ("Subtract", "[T, 3]", .affine(.rescaling(scale: [1], offset: [-3]))),
    ("Multiply", "[2.5, T]", .affine(.rescaling(scale: [2.5], offset: [0]))),
    ("TrueDivide", "[T, 4.0]", .affine(.rescaling(scale: [0.25], offset: [0]))),
    ("Maximum", "[T, 0]", .activation(.relu)),
    ("Relu6", "[T]", .activation(.relu6)),
    ("Multiply", "[T, T]", .merge(.multiply)),
  ])
  func operationsAreReadByWhatTheyAreGiven(
    _ className: String, _ arguments: String, expected: Layer.Kind
  ) throws {
    #expect(try operation(className, arguments).kind == expected)
  }

  @Test(arguments: [
    ("TrueDivide", "[3.0, T]"), ("TrueDivide", "[T, 0.0]"), ("Maximum", "[T, 1.0]"),
    ("Add", "[T, [1.0, 2.0]]"), ("Add", "[T]"), ("Mean", "[T]"), ("Add", "[T, 1e300]"),
  ])
  func otherOperationsAreNoneOfTheEngines(_ className: String, _ arguments: String) throws {
    guard case .unsupported(let name, let reason) = try operation(className, arguments).kind
    else {
      Issue.record("expected an unsupported operation")
      return
    }
    #expect(name == className && reason == "the engine has no such operation of keras.ops")
  }

  /// An operation on the network's input, `T`.
  private func operation(_ className: String, _ arguments: String) throws -> Layer {
    let tensor = #"{"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}"#
    let given = arguments.replacing("T", with: tensor)
    let json = """
      {"class_name": "Functional", "config": {"name": "f", "input_layers": [["i", 0, 0]],
       "output_layers": [["o", 0, 0]], "layers": [
        {"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
         "config": {"batch_shape": [null, 4], "name": "i"}},
        {"module": "keras.src.ops.numpy", "class_name": "\(className)", "name": "o",
         "config": {"name": "o"}, "inbound_nodes": [{"args": \(given), "kwargs": {}}]}]}}
      """
    return try #require(try architecture(json).layers.last)
  }

  @Test func theOrderOfTheListDoesNotMatter() throws {
    let listed = try architecture(Fixtures.text("networks/functional_branches/architecture.json"))
    let reversed = try architecture(
      Fixtures.text("networks/functional_branches/architecture_reversed.json"))
    #expect(listed.output == reversed.output)
    // Keras pairs the layers of files and models by their order.
    #expect(listed.layers == reversed.layers)
    #expect(try reversed.shapes() == listed.shapes())
  }

  @Test(arguments: [
    (#"{"class_name": "LSTM", "config": {"name": "l"}}"#, "the engine has no such layer"),
    (
      #"{"class_name": "Conv2D", "config": {"name": "l", "filters": 2, "kernel_size": 3, "strides": 2, "dilation_rate": 2}}"#,
      "it has both strides and dilation"
    ),
    (
      #"{"class_name": "Conv2D", "config": {"name": "l", "filters": 99999999999, "kernel_size": 3}}"#,
      "its 'filters' is 99999999999, not a number from 0 to 2147483647"
    ),
    (
      #"{"class_name": "Flatten", "config": {"name": "l", "data_format": "channels_first"}}"#,
      "its images are 'channels_first'"
    ),
    (
      #"{"class_name": "Dense", "config": {"name": "l", "units": 3, "activation": "glu"}}"#,
      "the engine has no activation 'glu'"
    ),
    (
      #"{"class_name": "ReLU", "config": {"name": "l", "max_value": -6.0}}"#,
      "its 'max_value' is no number in 0.0..<1e+30"
    ),
    (
      #"{"class_name": "Dense", "registered_name": "mine>Dense", "config": {"name": "l", "units": 3}}"#,
      "its class is not one of Keras's own"
    ),
    (
      #"{"class_name": "Dense", "config": {"name": "l", "units": 3, "dtype": {"module": "keras", "class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "float32"}}}}"#,
      "its weights are quantized (int8)"
    ),
    (
      #"{"class_name": "Embedding", "config": {"name": "l", "input_dim": 3, "output_dim": 2, "mask_zero": true}}"#,
      "it masks steps of a sequence"
    ),
    (
      #"{"class_name": "Masking", "config": {"name": "l"}}"#,
      "the engine computes every step of a sequence"
    ),
    (
      #"{"class_name": "MultiHeadAttention", "config": {"name": "l"}}"#,
      "the engine has no such layer"
    ),
    (
      #"{"class_name": "Conv3D", "config": {"name": "l"}}"#, "the engine has no such layer"
    ),
    (
      #"{"class_name": "Conv2DTranspose", "config": {"name": "l", "filters": 2, "kernel_size": 3, "output_padding": 1}}"#,
      "it has an output padding"
    ),
    (
      #"{"class_name": "MaxPooling2D", "config": {"name": "l", "data_format": "channels_first"}}"#,
      "its images are 'channels_first'"
    ),
  ])
  func listsWhatTheEngineCannotRun(_ entry: String, reason: String) throws {
    guard case .unsupported(_, let found) = try sequential(entry).kind else {
      Issue.record("expected an unsupported layer")
      return
    }
    #expect(found == reason)
  }

  /// What an axis means depends on the shape of what comes in.
  @Test(arguments: ["1", "[1]", "-2"])
  func onlyTheLastAxisIsNormalized(_ axis: String) throws {
    let network = try architecture(
      """
      {"class_name": "Sequential", "config": {"name": "s", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 9, 9, 2], "name": "i"}},
        {"class_name": "BatchNormalization", "config": {"name": "l", "axis": \(axis)}}]}}
      """)
    let error = try #require(throws: ArchitectureError.self) { try network.shapes() }
    #expect(error.description.contains("'l' (BatchNormalization)"))
    #expect(error.description.contains("not the last"))
  }

  @Test func readsTheDefaultsOfBothKeras() throws {
    let two = try sequential(#"{"class_name": "LeakyReLU", "config": {"name": "l", "alpha": 0.1}}"#)
    #expect(two.kind == .activation(.leakyReLU(slope: 0.1)))
    let three = try sequential(
      #"{"class_name": "LeakyReLU", "config": {"name": "l", "negative_slope": 0.2}}"#)
    #expect(three.kind == .activation(.leakyReLU(slope: 0.2)))
    let pool = try sequential(
      #"{"class_name": "MaxPooling2D", "config": {"name": "l", "pool_size": [3, 2], "strides": null}}"#
    )
    let size = Extent2D(height: 3, width: 2)
    #expect(pool.kind == .pooling2D(Pooling2D(statistic: .max, size: size, strides: size)))
    let frozen = try sequential(
      #"{"class_name": "Dense", "config": {"name": "l", "units": 1, "trainable": false}}"#)
    #expect(!frozen.isTrainable)
  }

  @Test func theLastAxisHasManyNames() throws {
    for axis in ["-1", "3", "[3]"] {
      let layer = try sequential(
        #"{"class_name": "BatchNormalization", "config": {"name": "l", "axis": \#(axis)}}"#)
      guard case .batchNormalization = layer.kind else {
        Issue.record("axis \(axis): \(layer.kind)")
        continue
      }
    }
  }

  @Test func aCallInTrainingModeCannotBeRun() throws {
    let network = try architecture(
      #"""
      {"class_name": "Functional", "config": {"name": "f", "output_layers": [["d", 0, 0]], "layers": [
        {"class_name": "InputLayer", "name": "i", "config": {"batch_shape": [null, 3], "name": "i"},
         "inbound_nodes": []},
        {"class_name": "Dropout", "name": "d", "config": {"name": "d", "rate": 0.5},
         "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__",
            "config": {"keras_history": ["i", 0, 0]}}], "kwargs": {"training": true}}]}]}}
      """#)
    guard case .unsupported = network.layers.last?.kind else {
      Issue.record("expected an unsupported layer")
      return
    }
  }

  /// Names decide what reads from what, so two layers cannot share one.
  @Test func layersHaveNamesOfTheirOwn() throws {
    #expect(throws: KerasConfigurationError.duplicateLayer("i")) {
      try sequential(#"{"class_name": "Flatten", "config": {"name": "i"}}"#)
    }
  }

  /// A file decides how deep its graph is.
  @Test func aVeryLongChainIsNoTrouble() throws {
    let count = 20_000
    let layers = (1...count).map { index in
      """
      {"class_name": "ReLU", "name": "l\(index)", "config": {}, \
      "inbound_nodes": [[["l\(index - 1)", 0, 0, {}]]]}
      """
    }
    let input = """
      {"class_name": "InputLayer", "name": "l0", "config": {"batch_input_shape": [null, 2]}}
      """
    let network = try architecture(
      """
      {"class_name": "Functional", "config": {"name": "f", "output_layers": [["l\(count)", 0, 0]], \
      "layers": [\((layers.reversed() + [input]).joined(separator: ", "))]}}
      """)
    #expect(network.layers.map(\.name) == (0...count).map { "l\($0)" })
  }

  /// Models without layers, each of which calls the next one twice: a small text, 2^24 calls.
  @Test func modelsInModelsCannotGoOnForEver() throws {
    let input = """
      {"class_name": "InputLayer", "name": "i", "config": {"name": "i", "batch_shape": [null, 4]}}
      """
    var model = """
      {"name": "m", "layers": [\(input)], "input_layers": [["i", 0, 0]], \
      "output_layers": [["i", 0, 0]]}
      """
    for _ in 0..<24 {
      model = """
        {"name": "m", "layers": [\(input), {"class_name": "Functional", "name": "m", \
        "config": \(model), "inbound_nodes": [[["i", 0, 0, {}]], [["m", 1, 0, {}]]]}], \
        "input_layers": [["i", 0, 0]], "output_layers": [["m", 2, 0]]}
        """
    }
    #expect(throws: KerasConfigurationError.tooManyLayers(100_000)) {
      try architecture(#"{"class_name": "Functional", "config": "# + model + "}")
    }
  }

  @Test func refusesWhatIsNoModel() throws {
    #expect(throws: KerasConfigurationError.unknownModel(className: "Bidirectional")) {
      try architecture(#"{"class_name": "Bidirectional", "config": {}}"#)
    }
    #expect(throws: KerasConfigurationError.missing("layers", in: "the Sequential model")) {
      try architecture(#"{"class_name": "Sequential", "config": {}}"#)
    }
    #expect(throws: KerasConfigurationError.json(.duplicateKey("a", offset: 9))) {
      try architecture(#"{"a": 1, "a": 2}"#)
    }
    #expect(throws: KerasConfigurationError.noInputShape(model: "s")) {
      try architecture(
        #"{"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name": "Dense", "config": {"name": "d", "units": 2}}]}}"#
      )
    }
    let loop = #"""
      {"class_name": "Functional", "config": {"name": "f", "output_layers": ["b", 0, 0], "layers": [
        {"class_name": "ReLU", "name": "a", "config": {}, "inbound_nodes": [[["b", 0, 0, {}]]]},
        {"class_name": "ReLU", "name": "b", "config": {}, "inbound_nodes": [[["a", 0, 0, {}]]]}]}}
      """#
    #expect(throws: KerasConfigurationError.cycle(through: "a")) { try architecture(loop) }
  }
}
