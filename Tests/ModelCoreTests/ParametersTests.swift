import ModelCore
import Testing

@Suite struct ParametersTests {
  static func specifications(
    _ kind: Layer.Kind, input: [Int]
  ) throws -> [ParameterSpecification] {
    try ArchitectureTests.network(kind, input: input).parameterSpecifications()
  }

  static func specification(
    _ role: String, _ shape: [Int], _ initializer: ParameterSpecification.Initializer,
    isTrainable: Bool = true
  ) throws -> ParameterSpecification {
    ParameterSpecification(
      name: ParameterName(layer: "out", role: role), shape: try Shape(shape),
      isTrainable: isTrainable, initializer: initializer)
  }

  @Test func aDenseLayerNeedsAKernelAndABias() throws {
    let kernel = try Self.specification("kernel", [5, 7], .glorotUniform(fanIn: 5, fanOut: 7))
    let bias = try Self.specification("bias", [7], .zeros)
    #expect(try Self.specifications(.dense(Dense(units: 7)), input: [5]) == [kernel, bias])
    #expect(
      try Self.specifications(.dense(Dense(units: 7, usesBias: false)), input: [5]) == [kernel])
  }

  @Test func aConvolutionNeedsAKernelAndABias() throws {
    var convolution = Convolution2D(filters: 6, kernelSize: .init(height: 3, width: 2))
    let kernel = try Self.specification(
      "kernel", [3, 2, 4, 6], .glorotUniform(fanIn: 24, fanOut: 36))
    let bias = try Self.specification("bias", [6], .zeros)
    #expect(
      try Self.specifications(.convolution2D(convolution), input: [8, 8, 4]) == [kernel, bias])
    convolution.usesBias = false
    convolution.dilation = .init(height: 2, width: 2)
    #expect(try Self.specifications(.convolution2D(convolution), input: [8, 8, 4]) == [kernel])
  }

  @Test(arguments: [true, false], [true, false])
  func aNormalizationTracksWhatItDoesNotTrain(_ scale: Bool, _ center: Bool) throws {
    let kind = Layer.Kind.batchNormalization(
      .init(momentum: 0.9, epsilon: 1e-3, usesScale: scale, usesCenter: center))
    let gamma = scale ? [try Self.specification("gamma", [4], .ones)] : []
    let beta = center ? [try Self.specification("beta", [4], .zeros)] : []
    let moving = [
      try Self.specification("moving_mean", [4], .zeros, isTrainable: false),
      try Self.specification("moving_variance", [4], .ones, isTrainable: false),
    ]
    for input in [[4], [3, 3, 4]] {
      #expect(try Self.specifications(kind, input: input) == gamma + beta + moving)
    }
  }

  @Test(
    arguments: [
      .flatten, .activation(.relu), .dropout(rate: 0.5),
      .zeroPadding2D(top: 1, bottom: 1, left: 1, right: 1),
      .globalAveragePooling2D(keepsDimensions: false),
      ArchitectureTests.pooling((2, 2), strides: (2, 2)),
    ] as [Layer.Kind])
  func otherLayersNeedNothing(_ kind: Layer.Kind) throws {
    #expect(try Self.specifications(kind, input: [4, 4, 2]).isEmpty)
  }

  @Test func aKernelThatFitsNoMachineIsAnError() throws {
    let dense = Dense(units: Int(Int32.max))
    #expect(throws: ArchitectureError.self) {
      try Self.specifications(.dense(dense), input: [1 << 33])
    }
  }

  @Test func namesAreOrderedByLayerThenRole() {
    let names = [("b", "a"), ("a", "b"), ("a", "a")].map(ParameterName.init)
    #expect(names.sorted().map(\.description) == ["a/a", "a/b", "b/a"])
  }

  static func parameter(_ name: String, _ values: [Float]) -> Parameter {
    Parameter(
      name: ParameterName(layer: name, role: "kernel"), shape: Shape(vector: values.count),
      values: values)
  }

  @Test func parametersKeepTheirOrderAndAreFoundByName() {
    var parameters = Parameters([Self.parameter("b", [1, 2]), Self.parameter("a", [3])])
    parameters.append(Self.parameter("c", [4, 5, 6]))
    #expect(parameters.all.map(\.name.layer) == ["b", "a", "c"])
    #expect(parameters[ParameterName(layer: "a", role: "kernel")]?.values == [3])
    #expect(parameters[ParameterName(layer: "a", role: "bias")] == nil)
    #expect(parameters.scalarCount == 6)
    parameters.update { name, values in
      if name.layer != "a" { values = values.map { $0 * 2 } }
    }
    #expect(parameters.all.map(\.values) == [[2, 4], [3], [8, 10, 12]])
    #expect(Parameters().scalarCount == 0)
  }

  @Test func theFirstNumberThatIsNoneIsFound() {
    var parameters = Parameters([Self.parameter("a", [1, 2]), Self.parameter("b", [3])])
    #expect(parameters.firstNonFinite == nil)
    for bad: Float in [.nan, .infinity, -.infinity] {
      parameters.update { name, values in if name.layer == "b" { values = [bad] } }
      #expect(parameters.firstNonFinite?.layer == "b")
    }
  }

  @Test func aFreshNetworkFollowsItsInitializers() throws {
    let kind = Layer.Kind.dense(Dense(units: 40))
    let specifications =
      try Self.specifications(kind, input: [60])
      + Self.specifications(ArchitectureTests.normalization, input: [3]).map {
        ParameterSpecification(
          name: ParameterName(layer: "norm", role: $0.name.role), shape: $0.shape,
          isTrainable: $0.isTrainable, initializer: $0.initializer)
      }
    let fresh = Parameters(initializing: specifications, seed: 7)
    #expect(fresh.all.map(\.name) == specifications.map(\.name))
    let kernel = try #require(fresh[ParameterName(layer: "out", role: "kernel")]).values
    // sqrt(6 / (60 + 40)) bounds it, and its variance is a third of the square.
    let limit: Float = 0.244_949
    #expect(kernel.count == 2400)
    #expect(kernel.allSatisfy { abs($0) <= limit })
    #expect(kernel.contains { $0 > 0.95 * limit } && kernel.contains { $0 < -0.95 * limit })
    let variance = kernel.reduce(0) { $0 + $1 * $1 } / 2400
    #expect(abs(variance - limit * limit / 3) < 0.001)
    #expect(abs(kernel.reduce(0, +) / 2400) < 0.01)
    #expect(fresh[ParameterName(layer: "out", role: "bias")]?.values.allSatisfy { $0 == 0 } == true)
    #expect(fresh[ParameterName(layer: "norm", role: "gamma")]?.values == [1, 1, 1])
    #expect(Parameters(initializing: specifications, seed: 7) == fresh)
    #expect(Parameters(initializing: specifications, seed: 8) != fresh)
  }

  @Test func aWeightDependsOnItsNameAndNotOnItsPlace() throws {
    let specifications = try Self.specifications(.dense(Dense(units: 3)), input: [4])
    let fresh = Parameters(initializing: specifications, seed: 1)
    let reversed = Parameters(initializing: specifications.reversed(), seed: 1)
    for parameter in fresh.all { #expect(reversed[parameter.name] == parameter) }
  }
}
