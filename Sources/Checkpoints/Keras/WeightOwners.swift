internal import ModelCore

/// Finds out which layer of a network each stored weight belongs to.
///
/// A file keeps the weights of a model inside the model under the outermost layer's name, and
/// below it under names that may leave out some of the models between.
struct WeightOwners {
  /// By outermost layer: the layers inside it that may have weights, in the network's order.
  private var owners: [String: [String]] = [:]
  private var depthwise: Set<String> = []
  private var taken: Set<ParameterName> = []

  init(_ architecture: Architecture?) {
    var known: Set<String> = []
    for layer in architecture?.layers ?? [] where known.insert(layer.weightOwner).inserted {
      owners[layer.group, default: []].append(layer.weightOwner)
      if case .convolution2D(let convolution) = layer.kind, case .depthwise = convolution.mixing {
        depthwise.insert(layer.weightOwner)
      }
    }
  }

  /// The name of the next weight, in the file's order.
  mutating func name(of weight: StoredWeight) -> ParameterName {
    let own = owners[weight.layer] ?? []
    guard own != [weight.layer], !own.isEmpty else {
      return named(weight.layer, weight.role)
    }
    let path = Array(weight.name.split(separator: "/").map(String.init).dropLast())
    let candidates = own.filter { !taken.contains(named($0, weight.role)) }
    // The first of the best: the weights of equal names come in the order of their layers.
    var best: (owner: String, score: (Int, Int))?
    for owner in candidates {
      let score = Self.score(owner.split(separator: "/").map(String.init), path)
      guard score.0 > 0 else { continue }
      if best.map({ score > $0.score }) ?? true { best = (owner, score) }
    }
    let name = named(best?.owner ?? weight.layer, weight.role)
    taken.insert(name)
    return name
  }

  /// How many names agree from the end, and how few are left over.
  private static func score(_ owner: [String], _ path: [String]) -> (Int, Int) {
    let common = zip(owner.reversed(), path.reversed()).prefix { $0 == $1 }.count
    return (common, -abs(owner.count - path.count))
  }

  /// Keras 2 calls the kernel of a depthwise convolution by another name than Keras 3.
  private func named(_ layer: String, _ role: String) -> ParameterName {
    let isKernel = role == "depthwise_kernel" && depthwise.contains(layer)
    return ParameterName(layer: layer, role: isKernel ? "kernel" : role)
  }
}
