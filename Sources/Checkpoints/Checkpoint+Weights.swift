internal import HDF5
public import ModelCore

extension Checkpoint {
  /// The network, for work that cannot go on without it.
  ///
  /// - Throws: `CheckpointError`, which says why there is none.
  public func requireArchitecture() throws -> Architecture {
    if let configurationProblem {
      throw CheckpointError(path, .configuration(configurationProblem))
    }
    guard let architecture else { throw CheckpointError(path, .noArchitecture) }
    return architecture
  }

  /// What the network's weights have to be.
  ///
  /// - Throws: `CheckpointError`, which names a layer that cannot be run.
  @discardableResult
  public func parameterSpecifications() throws -> [ParameterSpecification] {
    let architecture = try requireArchitecture()
    return try CheckpointError.naming(path) { try architecture.parameterSpecifications() }
  }

  /// Reads one weight as it is stored.
  public func tensor(_ weight: StoredWeight) throws -> Tensor {
    try CheckpointError.naming(path) {
      let dataset = try file.dataset(at: weight.path)
      return try Tensor(
        elementType: weight.elementType, shape: weight.shape, bytes: dataset.bytes())
    }
  }

  /// Reads all weights of the network as 32-bit floats, in the order of its layers.
  ///
  /// - Throws: `CheckpointError` for a layer that cannot be run, a weight that is missing, too
  ///   many or of the wrong shape, and for a NaN or an infinity.
  public func parameters() throws -> Parameters {
    let specifications = try parameterSpecifications()
    var weights = try weightsByName()
    var parameters = Parameters()
    for specification in specifications {
      guard let weight = weights.removeValue(forKey: specification.name) else {
        throw CheckpointError(
          path, .missingWeight(specification.name, shape: specification.shape))
      }
      parameters.append(try parameter(specification, from: weight))
    }
    let left = Set(weights.values.map(\.path))
    if let extra = storedWeights.first(where: { left.contains($0.path) }) {
      throw CheckpointError(path, .unexpectedWeight("\(extra.layer)/\(extra.role)"))
    }
    return parameters
  }

  private func parameter(
    _ specification: ParameterSpecification, from weight: StoredWeight
  ) throws -> Parameter {
    let name = specification.name
    guard weight.shape == specification.shape else {
      throw CheckpointError(
        path, .weightShape(name, expected: specification.shape, found: weight.shape))
    }
    let values = try tensor(weight).floats
    guard values.allSatisfy(\.isFinite) else { throw CheckpointError(path, .notFinite(name)) }
    return Parameter(name: name, shape: weight.shape, values: values)
  }

  /// The layers that the weights belong to, by the weights' paths: those of the architecture, as
  /// far as it says what is inside of what; otherwise those of the file.
  public func layersOfWeights() -> [String: String] {
    var owners = WeightOwners(architecture)
    return Dictionary(
      storedWeights.map { ($0.path, owners.name(of: $0).layer) },
      uniquingKeysWith: { first, _ in first })
  }

  func weightsByName() throws -> [ParameterName: StoredWeight] {
    var weights: [ParameterName: StoredWeight] = [:]
    var owners = WeightOwners(architecture)
    for weight in storedWeights {
      let name = owners.name(of: weight)
      guard weights.updateValue(weight, forKey: name) == nil else {
        throw CheckpointError(path, .ambiguousWeight(name))
      }
    }
    return weights
  }
}
