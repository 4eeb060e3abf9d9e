internal import HDF5
internal import ModelCore

/// Which object of a model each weight of a file belongs to, in Keras's order of variables.
///
/// Where objects own the weights, their paths tell. Elsewhere there is one list for each outermost
/// layer, which has what training moves first; it is dealt out by what each part is known to own,
/// and only if it has the names that it should.
struct KerasPlacement {
  struct Placed {
    let role: String
    let weight: StoredWeight
    /// What a class that saves its variables itself calls this one; nil for one that has a number.
    var ownName: String?
  }

  /// The model and all that it is made of, in Keras's order.
  let objects: [KerasObject]
  /// Why the first of the weights that belong to nothing that is known has no place; nil where
  /// every weight has one.
  private(set) var problem: CheckpointError?
  private var weights: [String: [Placed]] = [:]
  private let source: Checkpoint

  init(_ model: KerasLayerEntry, of source: Checkpoint) {
    objects = KerasObject.all(of: model)
    self.source = source
    if source.flavour.storesObjects { placeByPath() } else { placeByList() }
  }

  /// What an object owns itself.
  subscript(object: KerasObject) -> [Placed] { weights[object.path] ?? [] }

  // MARK: Objects

  private mutating func placeByPath() {
    let known = Dictionary(
      objects.map { (Self.canonical($0.path), $0) }, uniquingKeysWith: { first, _ in first })
    var found: [String: [StoredWeight]] = [:]
    for weight in source.storedWeights {
      // Without the group of the variables and the variable's number.
      let owner = weight.path.split(separator: "/").dropLast(2).joined(separator: "/")
      guard let object = known[Self.canonical(owner)] else {
        leaveOut(weight)
        continue
      }
      found[object.path, default: []].append(weight)
    }
    for object in objects {
      guard let own = found[object.path] else { continue }
      let names = object.roles
      guard names?.count ?? own.count == own.count else {
        leaveOut(own[0])
        continue
      }
      weights[object.path] = own.enumerated().map { index, weight in
        let name = weight.path.split(separator: "/").last.map(String.init) ?? ""
        guard KerasObjectStore.isNumber(name) else {
          return Placed(role: name, weight: weight, ownName: name)
        }
        return Placed(role: names?[index] ?? String(index), weight: weight)
      }
    }
  }

  /// The path in the words of the present Keras.
  private static func canonical(_ path: String) -> String {
    path.split(separator: "/").map { part in
      let name = KerasObjectStore.publicName(String(part))
      return KerasObjectStore.containers.contains(name) ? "layers" : name
    }.joined(separator: "/")
  }

  // MARK: Lists

  private mutating func placeByList() {
    let lists = Dictionary(grouping: source.storedWeights, by: \.layer)
    let owners = Dictionary(grouping: objects, by: \.layer)
    var isPlaced: Set<String> = []
    for weight in source.storedWeights where isPlaced.insert(weight.layer).inserted {
      do { try place(lists[weight.layer] ?? [], among: owners[weight.layer] ?? []) } catch {
        problem = problem ?? error
      }
    }
  }

  private mutating func place(
    _ list: [StoredWeight], among objects: [KerasObject]
  ) throws(CheckpointError) {
    // Without a layer, a weight belongs to the model itself, or to nothing.
    guard let outer = objects.first, !outer.layer.isEmpty else { throw noPlace(list[0]) }
    if objects.count == 1, outer.roles == nil {
      try place(list, in: outer)
    } else {
      try deal(list, to: objects)
    }
  }

  /// Gives an object of an unknown class what is plainly its own.
  private mutating func place(
    _ list: [StoredWeight], in object: KerasObject
  ) throws(CheckpointError) {
    let own = object.label.split(separator: "/").map(String.init)
    var placed: [Placed] = []
    for weight in list {
      let path = weight.name.split(separator: "/").map(String.init).dropLast()
      // A longer name is that of something inside, whose place only the class knows; so is one
      // that has the layer's name twice, which something inside has too.
      let outer = path.dropLast(own.count)
      guard path.suffix(own.count).elementsEqual(own), !outer.suffix(own.count).elementsEqual(own)
      else { throw noPlace(weight) }
      placed.append(Placed(role: weight.role, weight: weight))
    }
    weights[object.path] = placed
  }

  private mutating func deal(
    _ list: [StoredWeight], to objects: [KerasObject]
  ) throws(CheckpointError) {
    let slots = objects.flatMap { object in
      (object.roles ?? []).map { (object: object, role: $0) }
    }
    let ordered =
      slots.filter { $0.object.trains($0.role) } + slots.filter { !$0.object.trains($0.role) }
    let names = Set(ordered.map(\.object.entry.name))
    for (index, weight) in list.enumerated() {
      guard ordered.indices.contains(index) else { throw noPlace(weight) }
      let (object, role) = ordered[index]
      guard Self.fits(weight, object, role, among: names) else { throw noPlace(weight) }
    }
    guard list.count == ordered.count else { throw noPlace(list[list.count - 1]) }
    for (object, names) in Dictionary(grouping: zip(ordered, list), by: { $0.0.object.path }) {
      weights[object] = names.map { Placed(role: $0.0.role, weight: $0.1) }
    }
  }

  /// Whether a weight may be what its place in the list says.
  private static func fits(
    _ weight: StoredWeight, _ object: KerasObject, _ role: String, among names: Set<String>
  ) -> Bool {
    guard weight.role == role || weight.role == object.entry.otherName(of: role) else {
      return false
    }
    // Keras 2 sometimes leaves an outdated name, but it is never another part's.
    let owner = weight.name.split(separator: "/").dropLast().last.map(String.init) ?? ""
    return owner == object.entry.name || !names.contains(owner)
  }

  // MARK: Refusals

  private mutating func leaveOut(_ weight: StoredWeight) {
    problem = problem ?? noPlace(weight)
  }

  private func noPlace(_ weight: StoredWeight) -> CheckpointError {
    let outer = weight.layer.split(separator: "/").first.map(String.init) ?? weight.layer
    let owner = objects.first { $0.label == weight.layer } ?? objects.first { $0.label == outer }
    return CheckpointError(
      source.path,
      .noPlace(
        weight: weight.name, layer: owner?.label ?? weight.layer,
        className: owner?.entry.className))
  }
}
