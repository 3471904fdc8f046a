import {
  type Namespace,
  type Profile,
  type ServiceAccount,
  defaultAllowProfile,
  defaultProfileName,
  namespaceProfile,
  serviceAccountProfile,
  serviceAccountProfileName,
} from "../resources/index.ts";

/** Profiles by name: those written, those that namespaces and service accounts stand for, and the built-in one. */
export class Profiles {
  readonly #onProfile: (name: string, profile: Profile | undefined) => void;
  readonly #written = new Map<string, Profile>();
  readonly #made = new Map<string, Profile>();

  constructor(onProfile: (name: string, profile: Profile | undefined) => void) {
    this.#onProfile = onProfile;
    this.#tell(defaultAllowProfile.metadata.name);
  }

  setNamespace(name: string, namespace: Namespace | undefined): void {
    this.#make(defaultProfileName(name), namespace === undefined ? undefined : namespaceProfile(namespace));
  }

  setServiceAccount(namespace: string, name: string, account: ServiceAccount | undefined): void {
    const profile = account === undefined ? undefined : serviceAccountProfile(account);
    this.#make(serviceAccountProfileName(namespace, name), profile);
  }

  setProfile(name: string, profile: Profile | undefined): void {
    if (profile === undefined) this.#written.delete(name);
    else this.#written.set(name, profile);
    this.#tell(name);
  }

  #make(profileName: string, profile: Profile | undefined): void {
    if (profile === undefined) this.#made.delete(profileName);
    else this.#made.set(profileName, profile);
    this.#tell(profileName);
  }

  /** Nobody can write a profile in the place of a made or the built-in one. */
  #tell(name: string): void {
    const builtIn = name === defaultAllowProfile.metadata.name ? defaultAllowProfile : undefined;
    this.#onProfile(name, builtIn ?? this.#made.get(name) ?? this.#written.get(name));
  }
}
